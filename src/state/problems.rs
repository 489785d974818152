use crate::{Error, ErrorKind, env::Variable};

/// All problems of the settings, which are reported at once.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<String>);

impl Problems {
    pub(super) fn add(&mut self, problem: impl Into<String>) {
        self.0.push(problem.into());
    }

    /// The value, or the problem noted.
    pub(super) fn note<T>(&mut self, outcome: Result<T, Error>) -> Option<T> {
        outcome.map_err(|error| self.add(error.message())).ok()
    }

    pub(super) fn into_result(self) -> Result<(), Error> {
        match self.0.len() {
            0 => Ok(()),
            1 => Err(Error::new(ErrorKind::Configuration, self.0.concat())),
            many => Err(Error::new(ErrorKind::Configuration, format!("{many} problems:\n  {}", self.0.join("\n  ")))),
        }
    }
}

/// The name of a variable, with its alias.
pub(super) fn called(variable: Variable) -> String {
    match variable.alias {
        Some(alias) => format!("{} (or {alias})", variable.name),
        None => variable.name.to_owned(),
    }
}
