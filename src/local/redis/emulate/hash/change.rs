//! HGETDEL, HGETEX and HSETEX, with the deadlines of Redis or with those in the hidden field.

use bytes::Bytes;

use super::{
    expiry::{Clock, argument, key},
    fields::{NOT_POSITIVE, fields},
};
use crate::local::redis::{
    command::Command,
    emulate::{Rewritten, arguments::integer},
};

const ONE_CONDITION: &str = "ERR Only one of FXX or FNX arguments can be specified";
const ONE_EXPIRY: &str = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified";
const NO_TIME: &str = "ERR missing expire time";
const NO_COUNT: &str = "ERR invalid number of fields";

/// A script for deadlines of Redis, and for those in the hidden field.
macro_rules! script {
    ($native:expr, $file:literal) => {
        if $native {
            concat!(include_str!("moment.lua"), include_str!("native.lua"), include_str!($file))
        } else {
            concat!(include_str!("moment.lua"), include_str!("hidden.lua"), include_str!($file))
        }
    };
}

/// A script, and whether it may leave a deadline in a hash.
pub(super) type Change = (Rewritten, bool);

/// `HGETDEL key FIELDS count field…`.
pub(super) fn get_and_delete(command: &Command, native: bool) -> Result<Change, Bytes> {
    let fields = fields(command, 2, NOT_POSITIVE)?;
    Ok((Rewritten::script(script!(native, "getdel.lua"), [key(command)], fields.iter().cloned()), false))
}

/// `HGETEX key [EX time | PX time | EXAT time | PXAT time | PERSIST] FIELDS count field…`.
pub(super) fn get_and_expire(command: &Command, native: bool) -> Result<Change, Bytes> {
    let word = command.word(2);
    let clock = clock(&word);
    let (time, next) = match clock {
        Some(clock) => (clock.read(command, argument(command, 3))?, 4),
        None if word == "PERSIST" => (without_time("PERSIST"), 3),
        None => (without_time("KEEP"), 2),
    };
    if command.arguments.len() == next + 1 {
        return Err(fixed("ERR wrong number of arguments for 'hgetex' command"));
    }
    let arguments = time.into_iter().chain(fields(command, next, NOT_POSITIVE)?.iter().cloned());
    Ok((Rewritten::script(script!(native, "getex.lua"), [key(command)], arguments), clock.is_some()))
}

/// `HSETEX key [FNX | FXX] [EX time | PX time | EXAT time | PXAT time | KEEPTTL] FIELDS count field value…`.
pub(super) fn set_and_expire(command: &Command, native: bool) -> Result<Change, Bytes> {
    let (mut condition, mut expiry) = (None, None);
    let mut index = 2;
    loop {
        let word = command.word(index);
        match word.as_str() {
            "FIELDS" => break,
            "FNX" | "FXX" if condition.is_some() => return Err(fixed(ONE_CONDITION)),
            "FNX" | "FXX" => condition = Some(Bytes::from(word)),
            "EX" | "PX" | "EXAT" | "PXAT" | "KEEPTTL" if expiry.is_some() => return Err(fixed(ONE_EXPIRY)),
            "KEEPTTL" => expiry = Some((without_time("KEEP"), false)),
            _ => {
                let Some(clock) = clock(&word) else {
                    let given = String::from_utf8_lossy(argument(command, index)).into_owned();
                    return Err(format!("ERR unknown argument: {given}").into());
                };
                index += 1;
                let time = command.arguments.get(index).ok_or(fixed(NO_TIME))?;
                expiry = Some((clock.read(command, time)?, true));
            }
        }
        index += 1;
    }
    let wrong_arity = fixed("ERR wrong number of arguments for 'hsetex' command");
    let Some([count, pairs @ ..]) = command.arguments.get(index + 1..).filter(|rest| rest.len() >= 3) else {
        return Err(wrong_arity);
    };
    let count = integer(count).filter(|count| (1..=i32::MAX.into()).contains(count)).ok_or(fixed(NO_COUNT))?;
    if pairs.len() % 2 != 0 || usize::try_from(count) != Ok(pairs.len() / 2) {
        return Err(wrong_arity);
    }
    let (time, expires) = expiry.unwrap_or_else(|| (without_time("PERSIST"), false));
    let arguments = time.into_iter().chain([condition.unwrap_or_default()]).chain(pairs.iter().cloned());
    Ok((Rewritten::script(script!(native, "setex.lua"), [key(command)], arguments), expires))
}

fn clock(word: &str) -> Option<Clock> {
    match word {
        "EX" => Some(Clock::SECONDS),
        "PX" => Some(Clock::MILLISECONDS),
        "EXAT" => Some(Clock::UNIX_SECONDS),
        "PXAT" => Some(Clock::UNIX_MILLISECONDS),
        _ => None,
    }
}

/// What a script is told instead of a time.
fn without_time(word: &'static str) -> [Bytes; 3] {
    [Bytes::new(), Bytes::from_static(word.as_bytes()), Bytes::new()]
}

fn fixed(error: &'static str) -> Bytes {
    Bytes::from_static(error.as_bytes())
}
