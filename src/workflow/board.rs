//! What a function and its driver share during one delivery: the steps that the function asks for, and their results.

use super::{error::Failure, order::Order, record::Record};
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
    thread::{self, ThreadId},
};

/// The steps of one delivery.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    slots: Vec<Slot>,
    /// The steps that were asked for since the last group was closed.
    open: Vec<usize>,
    /// The step whose closure runs.
    executing: Option<usize>,
    /// The thread on which the driver polls the function right now.
    polls: Option<ThreadId>,
    /// Wakes the driver, which may wait for something else when a step is used wrongly.
    driver: Option<Waker>,
    /// Wrong use, which ends the delivery.
    problem: Option<Failure>,
    is_cancelled: bool,
    is_over: bool,
}

#[derive(Debug)]
struct Slot {
    order: Order,
    state: SlotState,
    waker: Waker,
}

#[derive(Debug)]
enum SlotState {
    Waiting,
    Done(Record),
    Execute,
    Executed(Result<String, Failure>),
}

/// What a step does when it is polled.
#[derive(Debug)]
pub(super) enum Polled {
    Pending,
    Done(Record),
    /// It polls its closure.
    Execute,
}

/// What a function came to when it was polled.
#[derive(Debug)]
pub(super) enum Turn {
    /// It waits for something else than a step.
    Foreign,
    /// It waits for these steps.
    Group(Vec<usize>),
    /// The closure of a step has ended.
    Executed(usize, Result<String, Failure>),
    Problem(Failure),
    Cancelled,
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the driver polls the function on this thread from now on.
    pub(super) fn begin_turn(&self, driver: &Waker) {
        let mut state = self.state();
        state.polls = Some(thread::current().id());
        state.driver = Some(driver.clone());
    }

    /// Ends the turn, and tells for what the function waits.
    pub(super) fn end_turn(&self) -> Turn {
        let mut state = self.state();
        state.polls = None;
        if let Some(problem) = state.problem.take() {
            return Turn::Problem(problem);
        }
        if state.is_cancelled {
            return Turn::Cancelled;
        }
        if let Some(slot) = state.executing {
            if let SlotState::Executed(outcome) = &state.slots[slot].state {
                return Turn::Executed(slot, outcome.clone());
            }
            return Turn::Foreign;
        }
        match std::mem::take(&mut state.open) {
            open if open.is_empty() => Turn::Foreign,
            open => Turn::Group(open),
        }
    }

    /// Nothing that the function drops from now on matters.
    pub(super) fn end(&self) {
        self.state().is_over = true;
    }

    /// Whether any step was asked for.
    pub(super) fn is_used(&self) -> bool {
        !self.state().slots.is_empty()
    }

    pub(super) fn orders(&self, slots: &[usize]) -> Vec<Order> {
        let state = self.state();
        slots.iter().map(|slot| state.slots[*slot].order.clone()).collect()
    }

    /// Gives steps their results, in order.
    pub(super) fn finish<'a>(&self, slots: &[usize], results: impl IntoIterator<Item = &'a Record>) {
        let mut state = self.state();
        let mut wakers = Vec::new();
        for (slot, result) in slots.iter().zip(results) {
            let slot = &mut state.slots[*slot];
            slot.state = SlotState::Done(result.clone());
            wakers.push(slot.waker.clone());
        }
        drop(state);
        // All of them, and in order: combinators poll those that were woken.
        wakers.iter().for_each(Waker::wake_by_ref);
    }

    /// Lets a step run its closure.
    pub(super) fn execute(&self, slot: usize) {
        let mut state = self.state();
        state.executing = Some(slot);
        state.slots[slot].state = SlotState::Execute;
        let waker = state.slots[slot].waker.clone();
        drop(state);
        waker.wake();
    }

    /// Ends the run.
    pub(super) fn cancel(&self) {
        self.state().is_cancelled = true;
    }

    /// Ends the delivery because of wrong use.
    fn refuse(state: &mut State, problem: Failure) {
        state.problem.get_or_insert(problem);
        if let Some(driver) = state.driver.take() {
            driver.wake();
        }
    }
}

/// The place of one step on the board. It is taken when the step is polled for the first time.
pub(super) struct Place {
    board: Arc<Board>,
    order: Option<Order>,
    slot: Option<usize>,
    is_done: bool,
    refused: Option<&'static str>,
}

impl Place {
    pub(super) fn new(board: &Arc<Board>, order: Order) -> Self {
        Self { board: Arc::clone(board), order: Some(order), slot: None, is_done: false, refused: None }
    }

    /// Refuses the step when it is asked for, if there is a problem. The first one counts.
    pub(super) fn refuse_first(&mut self, problem: Option<&'static str>) {
        self.refused = self.refused.or(problem);
    }

    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Polled {
        let mut state = self.board.state();
        let Some(slot) = self.slot else {
            let Some(order) = self.order.take() else { return Polled::Pending };
            let name = order.name.clone();
            let problem = if name.is_empty() {
                Some("a step has no name".to_owned())
            } else if let Some(problem) = self.refused {
                Some(format!("the step '{name}' cannot be taken: {problem}"))
            } else if let Some(outer) = state.executing {
                let outer = &state.slots[outer].order.name;
                Some(format!("A step can not be run inside another step: '{name}' in '{outer}'"))
            } else if state.polls != Some(thread::current().id()) {
                Some(format!("the step '{name}' was awaited in a task of its own, and not by the workflow"))
            } else {
                None
            };
            if let Some(problem) = problem {
                Board::refuse(&mut state, Failure::of_endpoint(problem).at_step(&name));
                return Polled::Pending;
            }
            let slot = state.slots.len();
            state.slots.push(Slot { order, state: SlotState::Waiting, waker: cx.waker().clone() });
            state.open.push(slot);
            self.slot = Some(slot);
            return Polled::Pending;
        };
        let slot = &mut state.slots[slot];
        slot.waker.clone_from(cx.waker());
        match &slot.state {
            SlotState::Waiting | SlotState::Executed(_) => Polled::Pending,
            SlotState::Execute => Polled::Execute,
            SlotState::Done(record) => {
                let record = record.clone();
                drop(state);
                self.is_done = true;
                Polled::Done(record)
            }
        }
    }

    /// The closure of the step has ended. The function never sees its value: the next delivery does.
    pub(super) fn executed(&self, outcome: Result<String, Failure>) {
        if let Some(slot) = self.slot {
            self.board.state().slots[slot].state = SlotState::Executed(outcome);
        }
    }

    /// Ends the delivery because of this step.
    pub(super) fn refuse(&self, problem: Failure) {
        Board::refuse(&mut self.board.state(), problem);
    }
}

/// Without the board: it has the results of the run, which are the application's.
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.order.as_ref().map(|order| &order.name);
        f.debug_struct("Place").field("name", &name).field("is_done", &self.is_done).finish_non_exhaustive()
    }
}

impl Drop for Place {
    /// A step that is dropped before its group is closed was not asked for. One that is dropped later may have had an effect.
    fn drop(&mut self) {
        let Some(slot) = self.slot.filter(|_| !self.is_done) else { return };
        let mut state = self.board.state();
        if state.is_over {
            return;
        }
        if let Some(at) = state.open.iter().position(|open| *open == slot) {
            state.open.remove(at);
        } else if !matches!(state.slots[slot].state, SlotState::Done(_)) {
            let name = state.slots[slot].order.name.clone();
            let problem = format!("the step '{name}' was dropped before it had its result: steps cannot race");
            Board::refuse(&mut state, Failure::of_endpoint(problem).at_step(&name));
        }
    }
}
