/// An enum whose values are keywords of a command.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$value_meta:meta])* $value:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$value_meta])* #[doc = concat!("(`", $word, "`)")] $value,)*
        }

        impl $name {
            /// The keyword.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $word,)*
                }
            }
        }

        impl crate::redis::ToArg for $name {
            fn write(&self, cmd: &mut crate::redis::Cmd) {
                cmd.push(self.as_str().as_bytes());
            }
        }
    };
}

/// An enum whose values are the integers of a reply.
macro_rules! codes {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$value_meta:meta])* $value:ident = $code:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$value_meta])* $value,)*
        }

        impl crate::redis::FromReply for $name {
            fn from_reply(reply: crate::redis::Reply) -> Result<Self, crate::redis::ReplyTypeError> {
                match reply {
                    $(crate::redis::Reply::Int($code) => Ok(Self::$value),)*
                    other => Err(crate::redis::ReplyTypeError::new(
                        concat!("one of", $(" ", stringify!($code)),*), &other,
                    )),
                }
            }
        }
    };
}

/// The setters of a command that adds or changes members: fields `condition` and `changed`.
macro_rules! adding_setters {
    ($what:literal) => {
        /// No options.
        pub fn new() -> Self {
            Self::default()
        }

        #[doc = concat!("`NX`: only new ", $what, ".")]
        pub fn if_absent(mut self) -> Self {
            self.condition = Some("NX");
            self
        }

        #[doc = concat!("`XX`: only ", $what, " that are there.")]
        pub fn if_present(mut self) -> Self {
            self.condition = Some("XX");
            self
        }

        #[doc = concat!("`CH`: counts changed ", $what, " as well as new ones.")]
        pub fn changed(mut self) -> Self {
            self.changed = true;
            self
        }
    };
}

pub(super) use {adding_setters, codes, words};
