use std::sync::Arc;

use tokio::sync::OnceCell;

use super::{
    access::{CommandTable, Rights},
    command::Command,
    connection::Connection,
    emulate::{Capabilities, Finish},
    limits::{Limits, Usage},
    outage::Outage,
    pool::Pool,
    prepare::{Preparation, finish},
    read_only::ReadOnlyCalls,
    resp::Value,
};

/// Commands of a pipeline that Redis is given at a time. It makes all their replies before it sends the first, so that
/// their number grows only while the replies are small.
const FIRST_PART: usize = 8;
const LARGEST_PART: usize = 64;
const SMALL_REPLIES: usize = 64 * 1024;
const LARGE_REPLIES: usize = 1024 * 1024;

/// Executes commands, each request on one connection of its own.
pub(crate) struct Executor {
    pool: Arc<Pool>,
    preparation: Preparation,
    read_only: ReadOnlyCalls,
    known: OnceCell<Known>,
    limits: Limits,
    usage: Usage,
    shared: bool,
}

/// The properties of the Redis behind, as far as they are known.
struct Known {
    table: CommandTable,
    capabilities: Capabilities,
}

impl Executor {
    /// `shared` says that other databases of this Redis belong to someone else.
    pub(crate) fn new(pool: Arc<Pool>, shared: bool, limits: Limits) -> Self {
        let preparation = Preparation::new(pool.address().database, shared);
        let read_only = ReadOnlyCalls::new(pool.address().clone(), shared);
        Self { pool, preparation, read_only, known: OnceCell::new(), limits, usage: Usage::default(), shared }
    }

    /// A connection for a stream.
    pub(super) async fn connect(&self) -> Result<Connection, Outage> {
        self.pool.connect().await
    }

    /// The database whose commands a monitor may show, if there are others.
    pub(super) fn monitored_database(&self) -> Option<u32> {
        self.shared.then(|| self.pool.address().database)
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
        self.usage.count(&self.limits)?;
        Ok(finishing)
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

    /// Executes the commands one after another, whatever becomes of those before; other clients may come between. If its
    /// client goes away, those that Redis has not been given yet are not executed.
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
        let mut allowance = self.limits.allowance();
        let mut replies = Vec::with_capacity(commands.len());
        let (mut length, mut rest) = (FIRST_PART, commands);
        while !rest.is_empty() {
            let calls = rest.iter().take(length).position(|command| command.is("FCALL_RO"));
            let (part, others) = rest.split_at(calls.map_or(length.min(rest.len()), |at| at + 1));
            let before = allowance.received();
            replies.extend(lease.exchange(part, &mut allowance).await?);
            if let (Some(command), Some(reply)) = (part.last(), replies.pop()) {
                replies.push(self.read_only.finish(&mut lease, &mut allowance, command, reply).await?);
            }
            length = match allowance.received() - before {
                0..SMALL_REPLIES => (length * 2).min(LARGEST_PART),
                SMALL_REPLIES..LARGE_REPLIES => length,
                _ => 1,
            };
            rest = others;
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
        match lease.ask(Command::of(&["MULTI"])).await? {
            Value::Status(_) => {}
            error @ Value::Error(_) => return Ok(error),
            _ => {
                lease.discard();
                return Err(Outage::Garbled);
            }
        }
        commands.push(Command::of(&["EXEC"]));
        let mut allowance = self.limits.allowance().of_items_at(1);
        match lease.exchange(&commands, &mut allowance).await?.pop() {
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
