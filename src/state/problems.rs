use crate::{Error, ErrorKind, env::Variable};

/// Everything that is wrong with the settings, to be told at once.
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
            many => Err(Error::new(ErrorKind::Configuration, format!("{many} problems: {}", self.0.join("; ")))),
        }
    }
}

/// A setting by its name, with the alias that would do as well.
pub(super) fn called(variable: Variable) -> String {
    match variable.alias {
        Some(alias) => format!("{} (or {alias})", variable.name),
        None => variable.name.to_owned(),
    }
}
