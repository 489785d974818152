use crate::{
    Error,
    ratelimit::{DENY_LIST, Ratelimit},
};

impl Ratelimit {
    /// Puts values on the deny list that processes share: identifiers, addresses, user agents, countries, and networks
    /// where limiters [look for them](super::DenyList::with_shared_networks). The list has no time to live.
    ///
    /// # Errors
    /// Where the limiter does not count in Redis, or it cannot be asked.
    pub async fn deny<S: AsRef<str>>(&self, values: impl IntoIterator<Item = S>) -> Result<(), Error> {
        self.change("SADD", values).await
    }

    /// Takes values off the deny list that processes share. Processes remember them for up to a minute.
    ///
    /// # Errors
    /// As [`deny`](Self::deny).
    pub async fn allow<S: AsRef<str>>(&self, values: impl IntoIterator<Item = S>) -> Result<(), Error> {
        self.change("SREM", values).await?;
        if let Some(deny) = &self.settings.deny {
            deny.forget();
        }
        Ok(())
    }

    async fn change<S: AsRef<str>>(
        &self,
        command: &'static str,
        values: impl IntoIterator<Item = S>,
    ) -> Result<(), Error> {
        let store = self.redis_store()?;
        let values: Vec<String> = values.into_iter().map(|value| value.as_ref().to_owned()).collect();
        if values.is_empty() {
            return Ok(());
        }
        store.redis().cmd(command).key(store.shared_key(&self.settings.prefix, DENY_LIST)).arg(values).await?;
        Ok(())
    }
}
