use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::OnceCell;

use super::{
    access::{CommandTable, Rights},
    address::RedisAddress,
    command::Command,
    emulate::{Capabilities, Finish},
    outage::Outage,
    pool::Pool,
    prepare::{Preparation, finish},
    read_only::ReadOnlyCalls,
    resp::Value,
};

/// Executes commands, each request on one connection of its own.
pub(crate) struct Executor {
    pool: Arc<Pool>,
    preparation: Preparation,
    read_only: ReadOnlyCalls,
    known: OnceCell<Known>,
    limits: Limits,
    executed: AtomicU64,
}

/// The properties of the Redis behind, as far as they are known.
struct Known {
    table: CommandTable,
    capabilities: Capabilities,
}

/// The limits of the plan.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    /// Commands until the daily limit is reached.
    pub(crate) daily_commands: Option<u64>,
}

impl Executor {
    /// `shared` says that other databases of this Redis belong to someone else.
    pub(crate) fn new(pool: Arc<Pool>, shared: bool, limits: Limits) -> Self {
        let preparation = Preparation::new(pool.database(), shared);
        let read_only = ReadOnlyCalls::new(pool.address().clone(), shared);
        Self { pool, preparation, read_only, known: OnceCell::new(), limits, executed: AtomicU64::new(0) }
    }

    /// The address of the Redis behind, for connections that are not lent.
    pub(super) fn address(&self) -> &RedisAddress {
        self.pool.address()
    }

    /// What Redis has of its own, asked once.
    async fn known(&self) -> Result<&Known, Outage> {
        self.known
            .get_or_try_init(|| async {
                let table = CommandTable::of(&self.pool).await?;
                let capabilities = Capabilities::of(&table);
                Ok(Known { table, capabilities })
            })
            .await
    }

    /// Gives what finishes the reply, or the error for a command that is not executed.
    fn admit(&self, command: &mut Command, rights: Rights, known: &Known) -> Result<Option<Finish>, Value> {
        if let Some(refusal) = known.table.refusal(command, rights) {
            return Err(refusal);
        }
        let finishing = self.preparation.prepare(command, &known.capabilities)?;
        match self.limits.daily_commands {
            Some(limit) if self.executed.fetch_add(1, Ordering::Relaxed) >= limit => {
                Err(Value::error(format!("ERR max daily request limit exceeded. Limit: {limit}, Usage: {limit}")))
            }
            _ => Ok(finishing),
        }
    }

    /// Executes one command.
    pub(super) async fn single(&self, mut command: Command, rights: Rights) -> Result<Value, Outage> {
        let finishing = match self.admit(&mut command, rights, self.known().await?) {
            Ok(finishing) => finishing,
            Err(refusal) => return Ok(refusal),
        };
        let mut replies = self.exchange(&[command]).await?;
        Ok(finish(finishing, replies.pop().ok_or(Outage::Garbled)?))
    }

    /// Executes the commands one after another, whatever becomes of those before; other clients may come between.
    pub(super) async fn pipeline(&self, commands: Vec<Command>, rights: Rights) -> Result<Vec<Value>, Outage> {
        let known = self.known().await?;
        let mut accepted = Vec::with_capacity(commands.len());
        let mut outcomes = Vec::with_capacity(commands.len());
        for mut command in commands {
            outcomes.push(self.admit(&mut command, rights, known).inspect(|_| accepted.push(command)));
        }
        if accepted.is_empty() {
            return Ok(outcomes.into_iter().filter_map(Result::err).collect());
        }
        let mut replies = self.exchange(&accepted).await?.into_iter();
        outcomes
            .into_iter()
            .map(|outcome| match outcome {
                Ok(finishing) => Ok(finish(finishing, replies.next().ok_or(Outage::Garbled)?)),
                Err(refusal) => Ok(refusal),
            })
            .collect()
    }

    /// Executes the commands on one connection. A function that is called twice delays those behind it.
    async fn exchange(&self, commands: &[Command]) -> Result<Vec<Value>, Outage> {
        let mut lease = self.pool.lease().await?;
        let mut replies = Vec::with_capacity(commands.len());
        for part in commands.split_inclusive(|command| command.is("FCALL_RO")) {
            replies.extend(lease.exchange(part).await?);
            if let (Some(command), Some(reply)) = (part.last(), replies.pop()) {
                replies.push(self.read_only.finish(&mut lease, command, reply).await?);
            }
        }
        Ok(replies)
    }

    /// Executes the commands as a transaction. Gives an array of replies, or the error for which it was discarded.
    pub(super) async fn transaction(&self, mut commands: Vec<Command>, rights: Rights) -> Result<Value, Outage> {
        let known = self.known().await?;
        let mut finishes = Vec::with_capacity(commands.len());
        for command in &mut commands {
            match self.admit(command, rights, known) {
                Ok(finishing) => finishes.push(finishing),
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
                finishes.into_iter().zip(replies).map(|(finishing, reply)| finish(finishing, reply)).collect(),
            )),
            Some(error @ Value::Error(_)) => Ok(error),
            _ => {
                lease.discard();
                Err(Outage::Garbled)
            }
        }
    }
}
