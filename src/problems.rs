use crate::{Error, ErrorKind};

/// All problems of the settings, which are reported at once.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<String>);

impl Problems {
    /// Runs `build`, and returns every problem that it added.
    pub(crate) fn collect<T>(build: impl FnOnce(&mut Self) -> Option<T>) -> Result<T, Error> {
        let mut problems = Self::default();
        let built = build(&mut problems);
        problems.into_result()?;
        built.ok_or_else(|| Error::new(ErrorKind::Configuration, "the settings cannot be used"))
    }

    pub(crate) fn add(&mut self, problem: impl Into<String>) {
        self.0.push(problem.into());
    }

    /// The value, or the problem noted.
    pub(crate) fn note<T>(&mut self, outcome: Result<T, Error>) -> Option<T> {
        outcome.map_err(|error| self.add(error.message())).ok()
    }

    pub(crate) fn into_result(self) -> Result<(), Error> {
        match self.0.len() {
            0 => Ok(()),
            1 => Err(Error::new(ErrorKind::Configuration, self.0.concat())),
            many => Err(Error::new(ErrorKind::Configuration, format!("{many} problems:\n  {}", self.0.join("\n  ")))),
        }
    }
}
