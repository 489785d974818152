//! The options of a delivery, as methods of each type that has them.

/// Methods of a type with a field `options: Options`.
macro_rules! delivery_setters {
    () => {
        /// A header that the destination receives. It travels as `Upstash-Forward-*`, so that `Authorization` is safe to
        /// set. Several values of one name are kept.
        ///
        /// `Content-Type` goes as it is, and so does any name that begins with `Upstash-`: an option without a method here.
        pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
            self.options.header(name.as_ref(), value.as_ref());
            self
        }

        /// `Authorization: Bearer …` for the destination.
        pub fn forward_bearer(self, token: impl AsRef<str>) -> Self {
            self.header("authorization", format!("Bearer {}", token.as_ref()))
        }

        /// The method that the destination is called with: GET, POST (the default), PUT, PATCH or DELETE.
        pub fn method(mut self, method: &http::Method) -> Self {
            self.options.method(method);
            self
        }

        /// Delivers after this time at the earliest, in whole seconds, rounded up. A queue takes no delayed message.
        pub fn delay(mut self, delay: std::time::Duration) -> Self {
            self.options.duration("upstash-delay", delay);
            self
        }

        /// Sets how often delivery is retried after a failure (3, unless the plan says otherwise).
        pub fn retries(mut self, retries: u32) -> Self {
            self.options.set("upstash-retries", retries.to_string());
            self
        }

        /// Sets the waits between retries (12 s, 2 min 28 s, 30 min, 6 h, then 24 h).
        pub fn retry_delay(mut self, delay: impl std::borrow::Borrow<crate::qstash::RetryDelay>) -> Self {
            self.options.retry_delay(delay.borrow());
            self
        }

        /// Sets how long the destination may take, in whole seconds, rounded up. It can only shorten the plan's limit.
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.options.duration("upstash-timeout", timeout);
            self
        }

        /// A URL that is called with the destination's answer after each delivery: text, or a
        /// [`Callback`](crate::qstash::Callback) with options.
        pub fn callback(mut self, callback: impl Into<crate::qstash::Callback>) -> Self {
            self.options.callback("upstash-callback", "the callback", &callback.into());
            self
        }

        /// Sets a URL that is called once, when all deliveries have failed: text, or a
        /// [`Callback`](crate::qstash::Callback) with options.
        pub fn failure_callback(mut self, callback: impl Into<crate::qstash::Callback>) -> Self {
            self.options.callback("upstash-failure-callback", "the failure callback", &callback.into());
            self
        }

        /// Limits how many messages of one key are delivered at once, or in a period.
        pub fn flow_control(mut self, control: impl std::borrow::Borrow<crate::qstash::FlowControl>) -> Self {
            self.options.flow_control(control.borrow());
            self
        }

        /// A label to find the message by in logs and dead letter queue. A message may have several.
        pub fn label(mut self, label: impl AsRef<str>) -> Self {
            self.options.label(label.as_ref());
            self
        }

        /// Shows a hash instead of the body in logs, dead letter queue and API. Deliveries have the body.
        pub fn redact_body(mut self) -> Self {
            self.options.add_to_list("upstash-redact-fields", "body");
            self
        }

        /// Shows hashes instead of the values of all headers in logs, dead letter queue and API.
        pub fn redact_headers(mut self) -> Self {
            self.options.add_to_list("upstash-redact-fields", "header");
            self
        }

        /// Shows a hash instead of the value of this header in logs, dead letter queue and API.
        pub fn redact_header(mut self, name: impl AsRef<str>) -> Self {
            self.options.redact_header(name.as_ref());
            self
        }
    };
}
pub(super) use delivery_setters;
