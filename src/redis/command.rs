use bytes::Bytes;
use std::{borrow::Cow, fmt, time::Duration};

/// A command and its arguments, as bytes.
///
/// `Debug` shows the name and the number of arguments, never the arguments.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Cmd {
    // All arguments one after another, the name first: two allocations a command, whatever its length.
    data: Vec<u8>,
    ends: Vec<usize>,
    key: Option<usize>,
}

impl Cmd {
    /// A command without arguments.
    pub fn new(name: &str) -> Self {
        let mut cmd = Self { data: Vec::with_capacity(64), ends: Vec::with_capacity(4), key: None };
        cmd.push(name.as_bytes());
        cmd
    }

    /// Adds one argument, or those of a slice or tuple.
    pub fn arg(mut self, arg: impl ToArg) -> Self {
        arg.write(&mut self);
        self
    }

    /// Adds an argument that is a key. Errors and traces name the first one.
    pub fn key(mut self, key: impl ToArg) -> Self {
        let at = self.ends.len();
        key.write(&mut self);
        if self.key.is_none() && self.ends.len() > at {
            self.key = Some(at);
        }
        self
    }

    /// Adds each argument of an iterator.
    pub fn args<I: IntoIterator<Item: ToArg>>(mut self, args: I) -> Self {
        for arg in args {
            arg.write(&mut self);
        }
        self
    }

    /// Adds one argument of raw bytes.
    pub fn push(&mut self, arg: &[u8]) {
        self.data.extend_from_slice(arg);
        self.ends.push(self.data.len());
    }

    /// The name, as it was given.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.iter().next().map_or(Cow::Borrowed(""), String::from_utf8_lossy)
    }

    /// The name and the arguments.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        self.ends.iter().enumerate().map(|(index, &end)| {
            let start = if index == 0 { 0 } else { self.ends[index - 1] };
            &self.data[start..end]
        })
    }

    pub(crate) fn first_key(&self) -> Option<String> {
        let bytes = self.iter().nth(self.key?)?;
        Some(String::from_utf8_lossy(&bytes[..bytes.len().min(128)]).into_owned())
    }

    pub(crate) fn size(&self) -> usize {
        self.data.len() + 4 * self.ends.len()
    }
}

impl fmt::Debug for Cmd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cmd").field("name", &self.name()).field("args", &(self.ends.len() - 1)).finish()
    }
}

/// What can be an argument of a command.
pub trait ToArg {
    /// Pushes the argument, or several, to `cmd`.
    fn write(&self, cmd: &mut Cmd);
}

macro_rules! bytes_args {
    ($($type:ty: $bytes:ident),*) => {$(
        impl ToArg for $type {
            fn write(&self, cmd: &mut Cmd) {
                cmd.push(self.$bytes());
            }
        }
    )*};
}
bytes_args!(
    str: as_bytes, String: as_bytes, Box<str>: as_bytes, Cow<'_, str>: as_bytes,
    [u8]: as_ref, Vec<u8>: as_ref, Bytes: as_ref
);

macro_rules! number_args {
    ($($type:ty),*) => {$(
        impl ToArg for $type {
            fn write(&self, cmd: &mut Cmd) {
                cmd.push(self.to_string().as_bytes());
            }
        }
    )*};
}
number_args!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

/// Written in full, infinities as Redis spells them.
impl ToArg for f64 {
    fn write(&self, cmd: &mut Cmd) {
        if self.is_infinite() {
            cmd.push(if *self > 0.0 { b"+inf" } else { b"-inf" });
        } else {
            cmd.push(self.to_string().as_bytes());
        }
    }
}

impl<T: ToArg + ?Sized> ToArg for &T {
    fn write(&self, cmd: &mut Cmd) {
        (**self).write(cmd);
    }
}

impl<T: ToArg, const N: usize> ToArg for [T; N] {
    fn write(&self, cmd: &mut Cmd) {
        self.iter().for_each(|arg| arg.write(cmd));
    }
}

impl<A: ToArg, B: ToArg> ToArg for (A, B) {
    fn write(&self, cmd: &mut Cmd) {
        self.0.write(cmd);
        self.1.write(cmd);
    }
}

/// Whole milliseconds, rounded up: a time to live of half a millisecond is not none at all.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX as u64).min(i64::MAX as u64)
}
