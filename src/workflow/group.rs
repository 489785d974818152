//! The steps that a function waits for at one time, and what a delivery has to do about them.
//!
//! A step alone is executed by the delivery that reaches it. Several are announced first by a plan each; the delivery of a
//! plan executes its step, and the delivery that has all results goes on. All others do nothing.

use super::{
    history::History,
    record::{Record, StepKind},
};
use std::fmt;

/// A step that the function waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    pub(super) kind: StepKind,
}

/// The groups that were passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// The steps of all groups.
    pub(super) steps: usize,
    /// Those of groups of several.
    pub(super) planned: usize,
}

/// What a delivery does about a group.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// Its results are there, in order.
    Done(Vec<&'a Record>),
    /// It executes this one of its steps.
    Execute { member: usize, step_id: u32, concurrent: u32 },
    /// It announces all of them, with ids from this one on.
    Announce { first: u32 },
    /// Another delivery goes on.
    Nothing,
}

/// The function does not do what it did before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mismatch {
    Name { expected: String, found: String },
    Kind { expected: StepKind, found: String, name: String },
    Count { expected: usize, found: u32, name: String },
}

impl Position {
    /// The position after a group.
    pub(super) fn after(self, count: usize) -> Self {
        Self { steps: self.steps + count, planned: self.planned + if count > 1 { count } else { 0 } }
    }

    /// Decides what the delivery with this history does about the next group.
    pub(super) fn next<'a>(self, history: &'a History, group: &[Wanted<'_>]) -> Result<Next<'a>, Mismatch> {
        match group {
            [one] => self.single(history, one),
            _ => self.parallel(history, group),
        }
    }

    fn single<'a>(self, history: &'a History, wanted: &Wanted<'_>) -> Result<Next<'a>, Mismatch> {
        let id = self.steps + 1;
        // Groups before it are complete, so that its place is known.
        match history.steps.get(id + self.planned).filter(|_| id < history.results) {
            Some(step) => {
                wanted.check(step)?;
                Ok(Next::Done(vec![step]))
            }
            None => Ok(Next::Execute { member: 0, step_id: number(id), concurrent: 1 }),
        }
    }

    /// Whether a step alone has been passed by a run that was begun before the step was there: something else is recorded
    /// in its place.
    pub(super) fn was_passed_without(self, history: &History, name: &str) -> bool {
        let id = self.steps + 1;
        let later = history.steps.iter().find(|step| step.target() >= number(id) && step.target() > 0);
        later.is_some_and(|_| {
            let here = history.steps.iter().find(|step| step.target() == number(id));
            here.is_none_or(|step| step.step_name != name)
        })
    }

    fn parallel<'a>(self, history: &'a History, group: &[Wanted<'_>]) -> Result<Next<'a>, Mismatch> {
        let count = group.len();
        let first = self.steps + 1;
        let mut sorted: Vec<&Record> = history.steps.iter().collect();
        sorted.sort_by_key(|step| step.target());
        let left = sorted.iter().filter(|step| step.target() >= number(first)).count();
        if left == 0 {
            return Ok(Next::Announce { first: number(first) });
        }
        if let Some(found) = sorted.get(first + self.planned).map(|step| step.concurrent)
            && found != number(count)
        {
            return Err(Mismatch::Count { expected: count, found, name: group[0].name.to_owned() });
        }
        if left >= 2 * count {
            let results = sorted.into_iter().filter(|step| !step.is_plan() && step.step_id >= number(first));
            let results: Vec<&Record> = results.take(count).collect();
            for (wanted, step) in group.iter().zip(&results) {
                wanted.check(step)?;
            }
            return Ok(if results.len() == count { Next::Done(results) } else { Next::Nothing });
        }
        let Some(plan) = history.last().filter(|step| step.is_plan()) else { return Ok(Next::Nothing) };
        let member = usize::try_from(plan.target()).unwrap_or_default().checked_sub(first);
        let Some((member, wanted)) = member.and_then(|member| Some((member, group.get(member)?))) else {
            return Ok(Next::Nothing);
        };
        wanted.check(plan)?;
        Ok(Next::Execute { member, step_id: plan.target(), concurrent: number(count) })
    }
}

impl Wanted<'_> {
    fn check(&self, step: &Record) -> Result<(), Mismatch> {
        if step.step_name != self.name {
            return Err(Mismatch::Name { expected: self.name.to_owned(), found: step.step_name.clone() });
        }
        if step.step_type != self.kind.as_str() {
            let found = step.step_type.clone();
            return Err(Mismatch::Kind { expected: self.kind, found, name: self.name.to_owned() });
        }
        Ok(())
    }
}

/// A number of the protocol. A run has no more steps than memory.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { expected, found } => {
                write!(f, "Incompatible step name. Expected '{expected}', got '{found}' from the request")
            }
            Self::Kind { expected, found, name } => {
                let expected = expected.as_str();
                write!(
                    f,
                    "Incompatible step type. Expected '{expected}', got '{found}' from the request (step '{name}')"
                )
            }
            Self::Count { expected, found, name } => {
                write!(
                    f,
                    "Incompatible number of parallel steps from step '{name}' on. Expected {expected}, got {found} from the request"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `r1` is the result of step 1, `p2` the plan of step 2; a colon is followed by the size of the group.
    fn history(entries: &str) -> History {
        let mut history = History::of_payload("".into());
        for entry in entries.split_whitespace() {
            let (entry, concurrent) = entry.split_once(':').unwrap_or((entry, ""));
            let id: u32 = entry[1..].parse().unwrap();
            let concurrent = concurrent.parse().unwrap_or(if [2, 3].contains(&id) { 2 } else { 1 });
            let mut step = Record::new(id, &id.to_string(), StepKind::Run, concurrent);
            if entry.starts_with('p') {
                (step.step_id, step.target_step) = (0, Some(id));
            }
            history.add(step);
        }
        history
    }

    /// Step 1, a group of steps 2 and 3, and step 4. Goes on until there is something to do.
    fn acts(entries: &str) -> String {
        let history = history(entries);
        let mut position = Position::default();
        for group in [&["1"][..], &["2", "3"], &["4"]] {
            let wanted: Vec<Wanted<'_>> = group.iter().map(|name| Wanted { name, kind: StepKind::Run }).collect();
            match position.next(&history, &wanted) {
                Ok(Next::Done(results)) => {
                    assert_eq!(results.iter().map(|step| &*step.step_name).collect::<Vec<_>>(), group);
                }
                Ok(Next::Execute { step_id, concurrent, member }) => {
                    assert_eq!(group[member], step_id.to_string());
                    return format!("execute {step_id} of {concurrent}");
                }
                Ok(Next::Announce { first }) => return format!("announce {first}"),
                Ok(Next::Nothing) => return "nothing".into(),
                Err(mismatch) => return mismatch.to_string(),
            }
            position = position.after(group.len());
        }
        "the end".into()
    }

    #[test]
    fn each_delivery_does_its_part() {
        for (entries, does) in [
            ("", "execute 1 of 1"),
            ("r1", "announce 2"),
            ("r1 p2", "execute 2 of 2"),
            ("r1 p2 p3", "execute 3 of 2"),
            ("r1 p2 r2", "nothing"),
            ("r1 p2 r2 p3", "execute 3 of 2"),
            ("r1 p2 p3 r2", "nothing"),
            ("r1 p2 p3 r3", "nothing"),
            ("r1 p2 p3 r3 r2", "execute 4 of 1"),
            ("r1 p2 p3 r2 r3", "execute 4 of 1"),
            ("r1 p2 r2 p3 r3", "execute 4 of 1"),
            ("r1 p2 p3 r3 r2 r4", "the end"),
            ("r1 p2:3", "Incompatible number of parallel steps from step '2' on. Expected 2, got 3 from the request"),
        ] {
            assert_eq!(acts(entries), does, "{entries}");
        }
    }

    #[test]
    fn a_group_at_the_start_has_the_first_ids() {
        let wanted = [Wanted { name: "1", kind: StepKind::Run }, Wanted { name: "2", kind: StepKind::Run }];
        assert_eq!(Position::default().next(&history(""), &wanted), Ok(Next::Announce { first: 1 }));
    }

    #[test]
    fn a_function_that_changed_is_found_out() {
        let [name, kind] = [("other", StepKind::Run), ("1", StepKind::Call)].map(|(name, kind)| {
            let wanted = [Wanted { name, kind }];
            Position::default().next(&history("r1"), &wanted).unwrap_err().to_string()
        });
        assert_eq!(name, "Incompatible step name. Expected 'other', got '1' from the request");
        assert_eq!(kind, "Incompatible step type. Expected 'Call', got 'Run' from the request (step '1')");
        // A delivery that has nothing to do does not look at names.
        let wanted = [Wanted { name: "x", kind: StepKind::Run }, Wanted { name: "y", kind: StepKind::Run }];
        let position = Position { steps: 1, planned: 0 };
        assert_eq!(position.next(&history("r1 p2 p3 r2"), &wanted), Ok(Next::Nothing));
        assert!(position.next(&history("r1 p2 p3"), &wanted).is_err());
        assert!(position.next(&history("r1 p2 p3 r2 r3"), &wanted).is_err());
    }
}
