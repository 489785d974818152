use super::{FlushMode, commands};
use crate::redis::{FromReply, Pairs, Reply, ReplyTypeError, ToArg};

/// A library of functions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FunctionLibrary {
    /// Its name.
    pub name: String,
    /// Its language: `LUA`.
    pub engine: String,
    /// Its functions.
    pub functions: Vec<Function>,
    /// The source, if it was requested.
    pub code: Option<String>,
}

/// A function of a library.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The author's description.
    pub description: Option<String>,
    /// Its flags, such as `no-writes`.
    pub flags: Vec<String>,
}

impl FromReply for FunctionLibrary {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let mut library = Self::default();
        for (name, value) in Pairs::<String, Reply>::from_reply(reply)?.0 {
            match name.as_str() {
                "library_name" => library.name = String::from_reply(value)?,
                "engine" => library.engine = String::from_reply(value)?,
                "functions" => library.functions = Vec::from_reply(value)?,
                "library_code" => library.code = Option::from_reply(value)?,
                _ => {}
            }
        }
        Ok(library)
    }
}

impl FromReply for Function {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let mut function = Self::default();
        for (name, value) in Pairs::<String, Reply>::from_reply(reply)?.0 {
            match name.as_str() {
                "name" => function.name = String::from_reply(value)?,
                "description" => function.description = Option::from_reply(value)?,
                "flags" => function.flags = Vec::from_reply(value)?,
                _ => {}
            }
        }
        Ok(function)
    }
}

/// The number of libraries and functions of each engine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FunctionStats {
    /// The engine, its libraries and its functions.
    pub engines: Vec<(String, u64, u64)>,
}

impl FromReply for FunctionStats {
    fn from_reply(reply: Reply) -> Result<Self, ReplyTypeError> {
        let mut stats = Self::default();
        for (name, value) in Pairs::<String, Reply>::from_reply(reply)?.0 {
            if name != "engines" {
                continue;
            }
            for (engine, Pairs(counts)) in Pairs::<String, Pairs<String, u64>>::from_reply(value)?.0 {
                let count = |of: &str| counts.iter().find(|(name, _)| name == of).map_or(0, |(_, count)| *count);
                stats.engines.push((engine, count("libraries_count"), count("functions_count")));
            }
        }
        Ok(stats)
    }
}

commands! {
    /// `EVAL`: runs a Lua script. [`script`](crate::redis::Redis::script) calls one by its hash.
    write "EVAL" eval<T>(script: impl ToArg, keys: impl ToArg, args: impl ToArg) -> T {
        |cmd| cmd.arg(script).counted_keys(keys).arg(args)
    }

    /// `EVAL_RO`: runs a Lua script that may not write.
    read "EVAL_RO" eval_ro<T>(script: impl ToArg, keys: impl ToArg, args: impl ToArg) -> T {
        |cmd| cmd.arg(script).counted_keys(keys).arg(args)
    }

    /// `EVALSHA`: runs a script that the server has, by the SHA-1 of its source.
    write "EVALSHA" evalsha<T>(hash: impl ToArg, keys: impl ToArg, args: impl ToArg) -> T {
        |cmd| cmd.arg(hash).counted_keys(keys).arg(args)
    }

    /// `EVALSHA_RO`: the same with a script that may not write.
    read "EVALSHA_RO" evalsha_ro<T>(hash: impl ToArg, keys: impl ToArg, args: impl ToArg) -> T {
        |cmd| cmd.arg(hash).counted_keys(keys).arg(args)
    }

    /// `SCRIPT LOAD`: gives the server a script and returns its SHA-1.
    read "SCRIPT LOAD" script_load(script: impl ToArg) -> String {
        |cmd| cmd.arg(script)
    }

    /// `SCRIPT EXISTS`: for each hash, whether the server has the script.
    read "SCRIPT EXISTS" script_exists(hashes: impl ToArg) -> Vec<bool> {
        |cmd| cmd.arg(hashes)
    }

    /// `SCRIPT FLUSH`: the server forgets all scripts.
    write "SCRIPT FLUSH" script_flush(mode: FlushMode) -> () {
        |cmd| cmd.arg(mode)
    }

    /// `SCRIPT KILL`: stops the script that is running, if it has not written yet.
    write "SCRIPT KILL" script_kill() -> () {
        |cmd| cmd
    }

    /// `FUNCTION LOAD`: loads a library and returns its name; an error if it is there already.
    write "FUNCTION LOAD" function_load(code: impl ToArg) -> String {
        |cmd| cmd.arg(code)
    }

    /// `FUNCTION LOAD REPLACE`: loads a library over the one of its name.
    write "FUNCTION LOAD" function_load_replace(code: impl ToArg) -> String {
        |cmd| cmd.arg("REPLACE").arg(code)
    }

    /// `FUNCTION DELETE`: an error if there is no such library.
    write "FUNCTION DELETE" function_delete(library: impl ToArg) -> () {
        |cmd| cmd.arg(library)
    }

    /// `FUNCTION FLUSH`: deletes all libraries.
    write "FUNCTION FLUSH" function_flush(mode: FlushMode) -> () {
        |cmd| cmd.arg(mode)
    }

    /// `FUNCTION LIST`: all libraries.
    read "FUNCTION LIST" function_list() -> Vec<FunctionLibrary> {
        |cmd| cmd
    }

    /// `FUNCTION LIST LIBRARYNAME … WITHCODE`: the libraries that match a glob pattern, with their source.
    read "FUNCTION LIST" function_list_with_code(pattern: impl ToArg) -> Vec<FunctionLibrary> {
        |cmd| cmd.arg("LIBRARYNAME").arg(pattern).arg("WITHCODE")
    }

    /// `FUNCTION STATS`: how many libraries and functions there are.
    read "FUNCTION STATS" function_stats() -> FunctionStats {
        |cmd| cmd
    }

    /// `FUNCTION KILL`: stops the function that is running, if it has not written yet.
    write "FUNCTION KILL" function_kill() -> () {
        |cmd| cmd
    }

    /// `FCALL`: calls a function.
    write "FCALL" fcall<T>(function: impl ToArg, keys: impl ToArg, args: impl ToArg) -> T {
        |cmd| cmd.arg(function).counted_keys(keys).arg(args)
    }

    /// `FCALL_RO`: calls a function that may not write.
    read "FCALL_RO" fcall_ro<T>(function: impl ToArg, keys: impl ToArg, args: impl ToArg) -> T {
        |cmd| cmd.arg(function).counted_keys(keys).arg(args)
    }
}
