use super::{
    callback::Callback,
    destination::check_url,
    flow_control::FlowControl,
    headers::{header, is_option, method_name},
    retry_delay::RetryDelay,
};
use crate::{
    Error,
    qstash::{call::Caller, error::invalid, seconds},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::time::Duration;

/// More than any server takes, and fewer than make a map panic.
const MAX_HEADERS: usize = 1000;

/// The options of a message, which are headers. Each is checked as it is set, and the first problem is kept.
#[derive(Clone, Default)]
pub(in crate::qstash) struct Options {
    headers: HeaderMap,
    /// Headers of a provider, used if the application sets none of that name.
    defaults: HeaderMap,
    /// URLs on this machine.
    loopback: Vec<&'static str>,
    problem: Option<Error>,
}

impl Options {
    pub(super) fn refuse(&mut self, problem: Error) {
        self.problem.get_or_insert(problem);
    }

    pub(super) fn set(&mut self, name: &'static str, value: impl AsRef<str>) {
        match HeaderValue::from_str(value.as_ref()) {
            Ok(value) => {
                self.headers.insert(HeaderName::from_static(name), value);
            }
            Err(_) => self.refuse(invalid(format!("{name} has a value that cannot be sent in a header"))),
        }
    }

    pub(super) fn content_type(&mut self, value: &'static str) {
        self.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(value));
    }

    /// A header that the provider of the destination requires. Its value is kept out of logs.
    pub(super) fn default_header(&mut self, name: &str, value: &str) {
        match (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(true);
                self.defaults.insert(name, value);
            }
            _ => self.refuse(invalid(format!("{name} has a value that cannot be sent in a header"))),
        }
    }

    pub(super) fn header(&mut self, name: &str, value: &[u8]) {
        match header(name, value) {
            // An option has one value.
            Ok((sent, value)) if is_option(&name.to_ascii_lowercase()) && !sent.as_str().contains("forward-") => {
                self.headers.remove(&sent);
                self.append(sent, value);
            }
            Ok((sent, value)) => self.append(sent, value),
            Err(problem) => self.refuse(problem),
        }
    }

    fn append(&mut self, name: HeaderName, value: HeaderValue) {
        if let Err(problem) = append(&mut self.headers, name, value) {
            self.refuse(problem);
        }
    }

    pub(super) fn method(&mut self, method: &Method) {
        match method_name(method) {
            Ok(name) => self.set("upstash-method", name),
            Err(problem) => self.refuse(problem),
        }
    }

    pub(super) fn duration(&mut self, name: &'static str, duration: Duration) {
        self.set(name, seconds::text(duration));
    }

    pub(super) fn retry_delay(&mut self, delay: &RetryDelay) {
        self.set("upstash-retry-delay", delay.expression());
    }

    pub(super) fn flow_control(&mut self, control: &FlowControl) {
        match control.key() {
            Ok(key) => self.set("upstash-flow-control-key", key),
            Err(problem) => self.refuse(problem),
        }
        self.set("upstash-flow-control-value", control.value());
    }

    /// Adds to a list with commas between its items.
    pub(super) fn add_to_list(&mut self, name: &'static str, item: &str) {
        let before = self.headers.get(name).map(HeaderValue::to_str);
        let Ok(before) = before.transpose() else {
            return self.refuse(invalid(format!("{name} has a value that is not ASCII")));
        };
        let list = before.map_or_else(|| item.to_owned(), |before| format!("{before},{item}"));
        self.set(name, list);
    }

    pub(super) fn label(&mut self, label: &str) {
        let label = label.trim();
        if label.is_empty() || label.contains(',') {
            return self.refuse(invalid("a label is not empty and has no comma"));
        }
        self.add_to_list("upstash-label", label);
    }

    pub(super) fn redact_header(&mut self, name: &str) {
        match HeaderName::try_from(name) {
            Ok(_) => self.add_to_list("upstash-redact-fields", &format!("header[{name}]")),
            Err(_) => self.refuse(invalid("a header to redact has a name that cannot be sent")),
        }
    }

    /// `name` is `upstash-callback` or `upstash-failure-callback`. One that was set before is replaced.
    pub(super) fn callback(&mut self, name: &'static str, what: &'static str, callback: &Callback) {
        let prefix = format!("{name}-");
        let old: Vec<_> = self.headers.keys().filter(|key| key.as_str().starts_with(&prefix)).cloned().collect();
        for key in old {
            self.headers.remove(key);
        }
        self.url(name, what, callback.url());
        if let Some(problem) = callback.problem() {
            return self.refuse(invalid(format!("{what}: {}", problem.message())));
        }
        for (suffix, value) in callback.options() {
            if let Ok(name) = HeaderName::try_from(format!("{prefix}{suffix}")) {
                self.append(name, value.clone());
            }
        }
    }

    fn url(&mut self, name: &'static str, what: &'static str, url: &str) {
        match check_url(what, url) {
            Ok(is_loopback) => {
                self.note_loopback(what, is_loopback);
                self.set(name, url);
            }
            Err(problem) => self.refuse(problem),
        }
    }

    pub(super) fn note_loopback(&mut self, what: &'static str, is_loopback: bool) {
        self.loopback.retain(|other| *other != what);
        if is_loopback {
            self.loopback.push(what);
        }
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.headers.keys().chain(self.defaults.keys()).map(HeaderName::as_str).collect()
    }

    pub(super) fn problem(&self) -> Option<&Error> {
        self.problem.as_ref()
    }

    /// The headers to send, with those of the provider and of the client beneath, or the first problem.
    pub(in crate::qstash) fn into_headers(self, caller: &Caller) -> Result<HeaderMap, Error> {
        let Self { mut headers, defaults, loopback, problem } = self;
        problem.map_or(Ok(()), Err)?;
        for what in loopback {
            caller.check_loopback(what, true)?;
        }
        for beneath in [&defaults, &*caller.message_headers] {
            for name in beneath.keys() {
                if !headers.contains_key(name) {
                    for value in beneath.get_all(name) {
                        append(&mut headers, name.clone(), value.clone())?;
                    }
                }
            }
        }
        Ok(headers)
    }
}

/// Adds a header, if there are not too many.
pub(in crate::qstash) fn append(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) -> Result<(), Error> {
    if headers.len() >= MAX_HEADERS {
        return Err(invalid("the message has more than 1,000 headers"));
    }
    headers.append(name, value);
    Ok(())
}
