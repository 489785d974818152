use std::sync::Arc;

use super::{command::Command, outage::Outage, pool::Pool, prepare::Preparation, resp::Value};

/// Executes commands, each request on one connection of its own.
pub(crate) struct Executor {
    pool: Arc<Pool>,
    preparation: Preparation,
}

impl Executor {
    /// `shared` says that other databases of this Redis belong to someone else.
    pub(crate) fn new(pool: Arc<Pool>, shared: bool) -> Self {
        let preparation = Preparation::new(pool.database(), shared);
        Self { pool, preparation }
    }

    /// Executes one command.
    pub(super) async fn single(&self, mut command: Command) -> Result<Value, Outage> {
        let finish = match self.preparation.prepare(&mut command) {
            Ok(finish) => finish,
            Err(refusal) => return Ok(refusal),
        };
        let mut lease = self.pool.lease().await?;
        let mut replies = lease.exchange(&[command]).await?;
        Ok(finish.finish(replies.pop().ok_or(Outage::Garbled)?))
    }

    /// Executes the commands one after another, whatever becomes of those before; other clients may come between.
    pub(super) async fn pipeline(&self, commands: Vec<Command>) -> Result<Vec<Value>, Outage> {
        let mut accepted = Vec::with_capacity(commands.len());
        let mut outcomes = Vec::with_capacity(commands.len());
        for mut command in commands {
            outcomes.push(self.preparation.prepare(&mut command).inspect(|_| accepted.push(command)));
        }
        if accepted.is_empty() {
            return Ok(outcomes.into_iter().filter_map(Result::err).collect());
        }
        let mut replies = self.pool.lease().await?.exchange(&accepted).await?.into_iter();
        outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Ok(finish) => Ok(finish.finish(replies.next().ok_or(Outage::Garbled)?)),
                Err(refusal) => Ok(refusal),
            })
            .collect()
    }

    /// Executes the commands as a transaction. Gives an array of replies, or the error for which it was discarded.
    pub(super) async fn transaction(&self, mut commands: Vec<Command>) -> Result<Value, Outage> {
        let mut finishes = Vec::with_capacity(commands.len());
        for command in &mut commands {
            match self.preparation.prepare(command) {
                Ok(finish) => finishes.push(finish),
                Err(refusal) => return Ok(refusal),
            }
        }
        let mut lease = self.pool.lease().await?;
        // Waited for: had MULTI been refused, the commands behind it would be executed one by one.
        match lease.exchange(&[Command::of(&["MULTI"])]).await?.pop() {
            Some(Value::Status(_)) => {}
            Some(error @ Value::Error(_)) => return Ok(error),
            _ => {
                lease.discard();
                return Err(Outage::Garbled);
            }
        }
        commands.push(Command::of(&["EXEC"]));
        match lease.exchange(&commands).await?.pop() {
            Some(Value::Array(replies)) if replies.len() == finishes.len() => Ok(Value::Array(
                finishes.into_iter().zip(replies).map(|(finish, reply)| finish.finish(reply)).collect(),
            )),
            Some(error @ Value::Error(_)) => Ok(error),
            _ => {
                lease.discard();
                Err(Outage::Garbled)
            }
        }
    }
}
