//! Polls a function over the history of its run until there is something to do.

use super::{
    board::{Board, Turn},
    error::{BoxError, Failure},
    group::{Next, Position, Wanted},
    history::History,
    order::{Action, Order},
    record::{Record, StepKind},
};
use futures_core::future::BoxFuture;
use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Context, Poll},
};

/// What a delivery comes to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The function has returned, with its result as JSON.
    Finished(Option<String>),
    /// It has returned without any step.
    WithoutStep,
    /// It reached a step, which was all that was asked.
    Reached,
    /// These steps are announced, with ids from this one on.
    Announce(u32, Vec<Order>),
    /// This step was executed here, or is begun.
    Step {
        order: Order,
        step_id: u32,
        concurrent: u32,
        out: Option<String>,
    },
    /// Another delivery goes on.
    Nothing,
    /// The function cancelled its run.
    Cancelled,
    Failed(Failure),
}

/// The function of a run, which gives its result as JSON.
pub(super) type Function = BoxFuture<'static, Result<Option<String>, BoxError>>;

/// The groups that a function asked for, in order: each with names and kinds of its steps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Trace(Vec<Vec<(String, StepKind)>>);

impl Trace {
    pub(super) fn push(&mut self, orders: &[Order]) {
        self.0.push(orders.iter().map(|order| (order.name.clone(), order.kind())).collect());
    }

    /// The difference between the group at a place and this one. `None` if they are the same, or if there was no such place.
    pub(super) fn divergence(&self, at: usize, orders: &[Order]) -> Option<String> {
        let before = self.0.get(at)?;
        let is_same = before.len() == orders.len()
            && before.iter().zip(orders).all(|((name, kind), order)| *name == order.name && *kind == order.kind());
        (!is_same).then(|| {
            let names = |names: &mut dyn Iterator<Item = &str>| names.collect::<Vec<_>>().join("', '");
            let before = names(&mut before.iter().map(|(name, _)| name.as_str()));
            let now = names(&mut orders.iter().map(|order| order.name.as_str()));
            format!(
                "the workflow is not deterministic: over the same history it asked for '{before}', and for '{now}' when it \
                 ran again"
            )
        })
    }
}

/// How far a function is driven.
#[derive(Debug)]
pub(super) enum Pass<'a> {
    /// To its first step.
    Reach,
    /// To the first step that has no result yet, which is not executed. The groups until there are noted.
    Look(&'a mut Trace),
    /// To the first step that has no result yet, which is executed. Groups that are others than those of a look before are
    /// refused.
    Act(Option<&'a Trace>, &'a dyn Starts),
}

/// Hears of the steps that are executed.
pub(super) trait Starts: std::fmt::Debug + Sync {
    fn starts(&self, step: &str);
}

/// Polls a function until there is something to do.
pub(super) async fn drive(board: &Board, function: Function, history: &History, pass: Pass<'_>) -> Outcome {
    let mut drive = Drive { board, history, pass, groups: 0, position: Position::default(), executing: None };
    let mut function = Some(function);
    let outcome = poll_fn(|cx| {
        let Some(function) = &mut function else { return Poll::Pending };
        drive.poll(function, cx)
    })
    .await;
    // What follows the last step is never run, and what is dropped with it is of no concern.
    board.end();
    outcome
}

struct Drive<'a> {
    board: &'a Board,
    history: &'a History,
    pass: Pass<'a>,
    /// The groups so far.
    groups: usize,
    position: Position,
    /// The step whose closure runs, with its id and the size of its group.
    executing: Option<(u32, u32)>,
}

impl Drive<'_> {
    fn poll(&mut self, function: &mut Function, cx: &mut Context<'_>) -> Poll<Outcome> {
        loop {
            self.board.begin_turn(cx.waker());
            let polled = catch_unwind(AssertUnwindSafe(|| function.as_mut().poll(cx)));
            let turn = self.board.end_turn();
            let polled = match polled {
                Ok(polled) => polled,
                Err(_) => return Poll::Ready(Outcome::Failed(Failure::of_endpoint("the workflow panicked"))),
            };
            match (turn, polled) {
                (Turn::Problem(failure), _) => return Poll::Ready(Outcome::Failed(failure)),
                (Turn::Cancelled, _) => return Poll::Ready(Outcome::Cancelled),
                (_, Poll::Ready(result)) => return Poll::Ready(self.returned(result)),
                (Turn::Foreign, Poll::Pending) => return Poll::Pending,
                (Turn::Executed(slot, outcome), Poll::Pending) => return Poll::Ready(self.executed(slot, outcome)),
                (Turn::Group(slots), Poll::Pending) => {
                    if let Some(outcome) = self.group(&slots) {
                        return Poll::Ready(outcome);
                    }
                }
            }
        }
    }

    fn returned(&self, result: Result<Option<String>, BoxError>) -> Outcome {
        match result {
            Err(error) => Outcome::Failed(Failure::of_application(&*error, None)),
            Ok(_) if !self.board.is_used() => Outcome::WithoutStep,
            Ok(result) => Outcome::Finished(result),
        }
    }

    fn executed(&self, slot: usize, outcome: Result<String, Failure>) -> Outcome {
        let (Some(order), Some((step_id, concurrent))) = (self.board.orders(&[slot]).pop(), self.executing) else {
            return Outcome::Nothing;
        };
        match outcome {
            Ok(out) => Outcome::Step { order, step_id, concurrent, out: Some(out) },
            Err(failure) => Outcome::Failed(failure.at_step(&order.name)),
        }
    }

    /// Finds out what to do about a group. `None` lets the function go on.
    fn group(&mut self, slots: &[usize]) -> Option<Outcome> {
        let mut orders = self.board.orders(slots);
        match &mut self.pass {
            Pass::Reach => return Some(Outcome::Reached),
            Pass::Look(trace) => trace.push(&orders),
            Pass::Act(before, _) => {
                if let Some(problem) = before.and_then(|before| before.divergence(self.groups, &orders)) {
                    let failure = Failure::of_endpoint(problem);
                    let name = orders.first().map(|order| order.name.clone()).unwrap_or_default();
                    return Some(Outcome::Failed(failure.at_step(&name)));
                }
            }
        }
        self.groups += 1;
        if let [Order { name, action: Action::Version(current) }] = &orders[..] {
            if self.position.was_passed_without(self.history, name) {
                // It goes on as it began, and the step has no place.
                let mut before = Record::new(0, name, StepKind::Run, 1);
                before.out = Some("0".into());
                self.board.finish(slots, [&before]);
                return None;
            }
            if let Ok(Next::Execute { step_id, .. }) =
                self.position.next(self.history, &[Wanted { name, kind: StepKind::Run }])
            {
                let Pass::Act(_, starts) = &self.pass else { return Some(Outcome::Reached) };
                starts.starts(name);
                let out = Some(current.to_string());
                return Some(Outcome::Step { order: orders.remove(0), step_id, concurrent: 1, out });
            }
        }
        let wanted: Vec<Wanted<'_>> =
            orders.iter().map(|order| Wanted { name: &order.name, kind: order.kind() }).collect();
        match self.position.next(self.history, &wanted) {
            Ok(Next::Done(results)) => {
                self.position = self.position.after(slots.len());
                self.board.finish(slots, results);
                None
            }
            Ok(Next::Execute { member, step_id, concurrent }) => {
                let Pass::Act(_, starts) = &self.pass else { return Some(Outcome::Reached) };
                let order = orders.swap_remove(member);
                starts.starts(&order.name);
                if order.runs_here() {
                    self.executing = Some((step_id, concurrent));
                    self.board.execute(slots[member]);
                    return None;
                }
                let out = match order.action {
                    Action::Version(current) => Some(current.to_string()),
                    _ => None,
                };
                Some(Outcome::Step { order, step_id, concurrent, out })
            }
            Ok(Next::Announce { .. } | Next::Nothing) if matches!(self.pass, Pass::Look(_)) => Some(Outcome::Reached),
            Ok(Next::Announce { first }) => Some(Outcome::Announce(first, orders)),
            Ok(Next::Nothing) => Some(Outcome::Nothing),
            Err(mismatch) => {
                let name = orders.first().map(|order| order.name.clone()).unwrap_or_default();
                Some(Outcome::Failed(Failure::of_endpoint(mismatch.to_string()).at_step(&name)))
            }
        }
    }
}
