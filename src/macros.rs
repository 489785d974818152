//! What several rooms would otherwise write again, word for word.

/// The setters of a builder that has its [`RestConfig`](crate::client::RestConfig) in a field `rest`.
macro_rules! rest_setters {
    () => {
        /// Sends through another transport than the built-in one.
        pub fn transport(mut self, transport: impl crate::client::Transport) -> Self {
            self.rest.transport = Some(std::sync::Arc::new(transport));
            self
        }

        /// Sets how often and when a request is sent again.
        pub fn retry(mut self, retry: crate::client::RetryPolicy) -> Self {
            self.rest.retry = retry;
            self
        }

        /// The deadline of a call, retries included (10 s).
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.rest.timeout = timeout;
            self
        }

        /// Whether requests carry the crate's name and version (they do, unless `UPSTASH_DISABLE_TELEMETRY` is set).
        pub fn telemetry(mut self, enabled: bool) -> Self {
            self.rest.telemetry = enabled;
            self
        }
    };
}

/// How clients are set up by the state: with its settings, and with the names that its errors use.
macro_rules! named_setters {
    () => {
        pub(crate) fn rest(mut self, rest: crate::client::RestConfig) -> Self {
            self.rest = rest;
            self
        }

        pub(crate) fn names(mut self, url: &'static str, token: &'static str) -> Self {
            self.names = (url, token);
            self
        }
    };
}

/// The settings of one call, kept in fields `timeout` and `repeatable`.
macro_rules! call_setters {
    () => {
        /// A deadline of its own, instead of the client's.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.timeout = Some(timeout);
            self
        }

        /// Says that running it twice does no harm, so that it may be sent again after a broken connection.
        pub fn repeatable(mut self) -> Self {
            self.repeatable = true;
            self
        }
    };
}

/// The accessors of a middleware that has its inner service in a field `inner`.
macro_rules! inner_service {
    () => {
        /// The inner service.
        #[must_use]
        pub fn get_ref(&self) -> &S {
            &self.inner
        }

        /// The inner service.
        pub fn get_mut(&mut self) -> &mut S {
            &mut self.inner
        }

        /// The inner service.
        #[must_use]
        pub fn into_inner(self) -> S {
            self.inner
        }
    };
}
