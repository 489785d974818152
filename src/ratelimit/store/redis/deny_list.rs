use super::{
    RedisRateLimitStore,
    keys::{DENY_LIST, IP_LIST, IP_LIST_STATUS},
};
use crate::{
    Error,
    ratelimit::store::DenyListStore,
    redis::{Cmd, Pipeline, Reply},
};
use futures_core::future::BoxFuture;
use std::{net::IpAddr, time::Duration};

/// Addresses in one command.
const CHUNK: usize = 5_000;

impl DenyListStore for RedisRateLimitStore {
    fn add<'a>(&'a self, prefix: &'a str, values: Vec<String>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.change("SADD", prefix, values))
    }

    fn remove<'a>(&'a self, prefix: &'a str, values: Vec<String>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(self.change("SREM", prefix, values))
    }

    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Vec<String>, Error>> {
        Box::pin(async move { self.redis().smembers(self.shared_key(prefix, DENY_LIST)).await })
    }

    fn set_addresses<'a>(
        &'a self,
        prefix: &'a str,
        addresses: Vec<IpAddr>,
        valid_for: Duration,
    ) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let [all, ips, status] = self.list_keys(prefix);
            let mut transaction = self.redis().transaction();
            transaction.sdiffstore(&all, [&all, &ips]);
            transaction.del([&ips]);
            for chunk in addresses.chunks(CHUNK) {
                transaction.sadd(&ips, chunk.iter().map(ToString::to_string).collect::<Vec<_>>());
            }
            // An address that an operator put on the list by hand stays when the public list no longer has it.
            transaction.sdiffstore(&ips, [&ips, &all]);
            transaction.sunionstore(&all, [&all, &ips]);
            let ttl_ms = u64::try_from(valid_for.as_millis()).unwrap_or(u64::MAX);
            transaction.issue::<Reply>(Cmd::new("SET").key(&status).arg("valid").arg("PX").arg(ttl_ms));
            execute(transaction).await
        })
    }

    fn disable_addresses<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let [all, ips, status] = self.list_keys(prefix);
            let mut transaction = self.redis().transaction();
            transaction.sdiffstore(&all, [&all, &ips]);
            transaction.del([&ips]);
            transaction.issue::<Reply>(Cmd::new("SET").key(&status).arg("disabled"));
            execute(transaction).await
        })
    }
}

impl RedisRateLimitStore {
    async fn change(&self, command: &'static str, prefix: &str, values: Vec<String>) -> Result<(), Error> {
        if !values.is_empty() {
            self.redis().cmd(command).key(self.shared_key(prefix, DENY_LIST)).arg(values).await?;
        }
        Ok(())
    }

    fn list_keys(&self, prefix: &str) -> [String; 3] {
        [DENY_LIST, IP_LIST, IP_LIST_STATUS].map(|name| self.shared_key(prefix, name))
    }
}

async fn execute(transaction: Pipeline) -> Result<(), Error> {
    transaction.exec().await?.into_replies().try_for_each(|reply| reply.map(drop))
}
