use super::access::{Access, Entry};
use crate::Error;
use bytes::Bytes;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
    hash::BuildHasher,
    time::Duration,
};
use web_time::{SystemTime, UNIX_EPOCH};

/// A command and its arguments, as bytes.
///
/// `Debug` shows the name and the number of arguments, never the arguments.
///
/// ```
/// use axum_upstash::redis::Cmd;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// let cmd = Cmd::new("SET").key("greeting").arg("hello").arg("EX").arg(60);
/// assert_eq!((cmd.name().as_ref(), cmd.len()), ("SET", 5));
/// let reply: String = redis.issue(cmd).await?;
/// assert_eq!(reply, "OK");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub struct Cmd {
    // All arguments one after another, the name first: two allocations a command, whatever its length.
    data: Vec<u8>,
    ends: Vec<usize>,
    key: Option<usize>,
    access: Option<Access>,
    refused: Option<&'static str>,
}

impl Cmd {
    /// A command without arguments.
    pub fn new(name: &str) -> Self {
        let mut cmd =
            Self { data: Vec::with_capacity(64), ends: Vec::with_capacity(4), key: None, access: None, refused: None };
        cmd.push(name.as_bytes());
        cmd
    }

    /// A command of the table, without arguments.
    pub(super) fn known(entry: Entry) -> Self {
        let mut words = entry.name.split(' ');
        let mut cmd = Self::new(words.next().unwrap_or_default());
        cmd.access = Some(entry.access);
        words.for_each(|word| cmd.push(word.as_bytes()));
        cmd
    }

    /// Adds an argument, or all those of a pair or a list.
    pub fn arg(mut self, arg: impl ToArg) -> Self {
        arg.write(&mut self);
        self
    }

    /// Adds an argument that is a key, or a list of keys. Errors and traces name the first one.
    pub fn key(mut self, key: impl ToArg) -> Self {
        let at = self.ends.len();
        key.write(&mut self);
        if self.key.is_none() && self.ends.len() > at {
            self.key = Some(at);
        }
        self
    }

    /// Adds how many arguments these are, and then them: `numkeys key…`.
    pub fn counted(self, args: impl ToArg) -> Self {
        let counted = Self::new("").arg(args);
        self.arg(counted.len() - 1).args(counted.iter().skip(1))
    }

    /// Appends arguments that are keys, after their number.
    pub fn counted_keys(self, keys: impl ToArg) -> Self {
        let counted = Self::new("").arg(keys);
        counted.iter().skip(1).fold(self.arg(counted.len() - 1), Self::key)
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

    /// Says that an argument cannot be sent. The command then fails with
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) and this reason, which must not repeat the argument.
    pub fn refuse(&mut self, reason: &'static str) {
        self.refused.get_or_insert(reason);
    }

    pub(super) fn refused(&self) -> Option<&'static str> {
        self.refused
    }

    /// The name, as it was given.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        self.iter().next().map_or(Cow::Borrowed(""), String::from_utf8_lossy)
    }

    /// The effect, if the command comes from the table.
    pub(super) fn known_access(&self) -> Option<Access> {
        self.access
    }

    /// Says in an error which command it was, by its name and first key.
    pub(super) fn describe(&self, error: Error) -> Error {
        error.with_operation(self.name().to_uppercase()).with_key(self.first_key())
    }

    /// The number of words: the name and the arguments.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "it always has a name")]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The name and the arguments.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        self.ends.iter().enumerate().map(|(index, &end)| {
            let start = if index == 0 { 0 } else { self.ends[index - 1] };
            &self.data[start..end]
        })
    }

    pub(super) fn key_bytes(&self) -> Option<&[u8]> {
        self.iter().nth(self.key?)
    }

    pub(crate) fn first_key(&self) -> Option<String> {
        let bytes = self.key_bytes()?;
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

/// An argument of a command: text, bytes, a number, a pair or a list of these.
///
/// `Vec<u8>`, `&[u8]` and `[u8; N]` are one argument of bytes; lists of anything else are as many arguments as they
/// have items, and `None` is no argument.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let local = axum_upstash::local::LocalRedis::start().await?;
/// # let upstash = axum_upstash::Upstash::builder().redis(local.url(), local.token()).build()?;
/// let redis = upstash.redis();
/// // Text, bytes, numbers, booleans, and lists of these.
/// redis.set("n", 7).await?;
/// redis.set("bytes", [0u8, 255].as_slice()).await?;
/// redis.hset("user:1", [("name", "Zoë"), ("city", "Gdańsk")]).await?;
/// assert_eq!(redis.del(["n", "bytes", "user:1"]).await?, 3);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(note = "a value that is stored as JSON goes in as `Json(value)`")]
pub trait ToArg {
    /// Pushes the argument, or several, to `cmd`.
    fn write(&self, cmd: &mut Cmd);

    /// Pushes each of `list`. It is there for lists of `u8`, which are one argument.
    #[doc(hidden)]
    fn write_list(list: &[Self], cmd: &mut Cmd)
    where
        Self: Sized,
    {
        for item in list {
            item.write(cmd);
        }
    }
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
bytes_args!(str: as_bytes, String: as_bytes, Box<str>: as_bytes, Cow<'_, str>: as_bytes, Bytes: as_ref);

macro_rules! number_args {
    ($($type:ty),*) => {$(
        impl ToArg for $type {
            fn write(&self, cmd: &mut Cmd) {
                cmd.push(self.to_string().as_bytes());
            }
        }
    )*};
}
/// 1 for true and 0 for false.
impl ToArg for bool {
    fn write(&self, cmd: &mut Cmd) {
        cmd.push(if *self { b"1" } else { b"0" });
    }
}

number_args!(u16, u32, u64, usize, i8, i16, i32, i64, isize);

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

/// No argument, in the place of an empty list.
impl ToArg for () {
    fn write(&self, _: &mut Cmd) {}
}

impl<T: ToArg + ?Sized> ToArg for &T {
    fn write(&self, cmd: &mut Cmd) {
        (**self).write(cmd);
    }
}

impl ToArg for u8 {
    fn write(&self, cmd: &mut Cmd) {
        u16::from(*self).write(cmd);
    }

    fn write_list(list: &[Self], cmd: &mut Cmd) {
        cmd.push(list);
    }
}

impl ToArg for f32 {
    fn write(&self, cmd: &mut Cmd) {
        if self.is_finite() { cmd.push(self.to_string().as_bytes()) } else { f64::from(*self).write(cmd) }
    }
}

impl<T: ToArg> ToArg for [T] {
    fn write(&self, cmd: &mut Cmd) {
        T::write_list(self, cmd);
    }
}

impl<T: ToArg, const N: usize> ToArg for [T; N] {
    fn write(&self, cmd: &mut Cmd) {
        T::write_list(self, cmd);
    }
}

impl<T: ToArg> ToArg for Vec<T> {
    fn write(&self, cmd: &mut Cmd) {
        T::write_list(self, cmd);
    }
}

impl<T: ToArg> ToArg for Option<T> {
    fn write(&self, cmd: &mut Cmd) {
        if let Some(arg) = self {
            arg.write(cmd);
        }
    }
}

macro_rules! collection_args {
    ($([$($generics:tt)*] $type:ty,)*) => {$(
        /// Each item, or each key and its value.
        impl<$($generics)*> ToArg for $type {
            fn write(&self, cmd: &mut Cmd) {
                for item in self {
                    item.write(cmd);
                }
            }
        }
    )*};
}
collection_args! {
    [T: ToArg] BTreeSet<T>,
    [T: ToArg, S: BuildHasher] HashSet<T, S>,
    [K: ToArg, V: ToArg] BTreeMap<K, V>,
    [K: ToArg, V: ToArg, S: BuildHasher] HashMap<K, V, S>,
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

/// Whole milliseconds since the Unix epoch, rounded up; an earlier time is the epoch itself, which is long past.
pub(crate) fn unix_millis(time: SystemTime) -> u64 {
    millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}
