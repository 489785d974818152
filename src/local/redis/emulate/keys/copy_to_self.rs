use crate::local::redis::{command::Command, emulate::Rewritten};

/// `COPY key key` copies nothing; Redis finds it wrong.
pub(in super::super) fn copy_onto_itself(command: &Command) -> Option<Rewritten> {
    let is_itself = command.arguments.len() >= 3 && command.arguments.get(1) == command.arguments.get(2);
    let others_are_options = (3..command.arguments.len()).all(|index| command.word(index) == "REPLACE");
    (is_itself && others_are_options).then(Rewritten::zero)
}

/// `UNLINK` of no keys removes none; Redis finds it wrong.
pub(in super::super) fn unlink_nothing(command: &Command) -> Option<Rewritten> {
    (command.arguments.len() == 1).then(Rewritten::zero)
}
