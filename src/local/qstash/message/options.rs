use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, Method, header::CONTENT_TYPE};

use super::{Fields, merged};
use crate::local::qstash::{
    dispatch::FlowLimits,
    refusal::Refusal,
    text::{
        Expression, FlowValue, Redaction, boolean, check_deduplication_id, check_destination, duration, fields_size,
        labels,
    },
};

/// The options of a message. One that is not set has the service's default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// `POST` by default.
    pub(crate) method: Option<Method>,
    pub(crate) delay: Option<Duration>,
    /// Seconds since the epoch. It overrides the delay.
    pub(crate) not_before_s: Option<u64>,
    pub(crate) retries: Option<u32>,
    pub(crate) retry_delay: Option<Arc<Expression>>,
    pub(crate) timeout: Option<Duration>,
    /// The fields that the destination gets.
    pub(crate) forwarded: HeaderMap,
    pub(crate) callback: Option<Arc<Callback>>,
    pub(crate) failure_callback: Option<Arc<Callback>>,
    pub(crate) flow: Option<(Arc<str>, FlowLimits)>,
    pub(crate) labels: Vec<String>,
    pub(crate) redaction: Option<Redaction>,
}

/// A callback: a message of its own.
#[derive(Debug, Clone)]
pub(crate) struct Callback {
    pub(crate) url: String,
    pub(crate) options: Arc<Options>,
}

/// What tells a repeated message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deduplication {
    Id(String),
    Content,
}

impl Options {
    /// Reads the fields of a request that publishes.
    pub(crate) fn read(request: &HeaderMap) -> Result<Self, Refusal> {
        let fields = Fields::sorted(request);
        Ok(Self {
            callback: callback(&fields.options, "upstash-callback", &fields.callback)?,
            failure_callback: callback(&fields.options, "upstash-failure-callback", &fields.failure_callback)?,
            ..Self::own(fields.forwarded, &fields.options)?
        })
    }

    /// Everything but callbacks.
    fn own(forwarded: HeaderMap, options: &HeaderMap) -> Result<Self, Refusal> {
        let field = |name| text(options, name);
        let not_before_s = field("upstash-not-before")?.map(|time| number("Upstash-Not-Before", time)).transpose()?;
        let retries = field("upstash-retries")?.map(|retries| number("Upstash-Retries", retries)).transpose()?;
        let labels = list(options, "upstash-label")?.as_deref().map(labels).transpose().map_err(invalid)?;
        Ok(Self {
            method: field("upstash-method")?.map(checked_method).transpose()?,
            delay: read_duration("Upstash-Delay", field("upstash-delay")?)?,
            not_before_s,
            retries,
            retry_delay: field("upstash-retry-delay")?.map(expression).transpose()?,
            timeout: read_duration("Upstash-Timeout", field("upstash-timeout")?)?,
            forwarded,
            callback: None,
            failure_callback: None,
            flow: flow(field("upstash-flow-control-key")?, field("upstash-flow-control-value")?)?,
            labels: labels.unwrap_or_default(),
            redaction: list(options, "upstash-redact-fields")?
                .as_deref()
                .map(Redaction::parse)
                .transpose()
                .map_err(invalid)?,
        })
    }

    /// These options, and for what they leave open those of `defaults`.
    #[must_use]
    pub(crate) fn or(&self, defaults: &Self) -> Self {
        let this = self.clone();
        Self {
            method: this.method.or(defaults.method.clone()),
            delay: this.delay.or(defaults.delay),
            not_before_s: this.not_before_s.or(defaults.not_before_s),
            retries: this.retries.or(defaults.retries),
            retry_delay: this.retry_delay.or(defaults.retry_delay.clone()),
            timeout: this.timeout.or(defaults.timeout),
            forwarded: merged(&defaults.forwarded, &this.forwarded),
            callback: this.callback.or(defaults.callback.clone()),
            failure_callback: this.failure_callback.or(defaults.failure_callback.clone()),
            flow: this.flow.or(defaults.flow.clone()),
            labels: if this.labels.is_empty() { defaults.labels.clone() } else { this.labels },
            redaction: this.redaction.or(defaults.redaction.clone()),
        }
    }

    /// What tells a repetition of the message.
    pub(crate) fn deduplication(request: &HeaderMap) -> Result<Option<Deduplication>, Refusal> {
        if let Some(id) = text(request, "upstash-deduplication-id")?.filter(|id| !id.is_empty()) {
            check_deduplication_id(id).map_err(|error| Refusal::invalid(error.to_string()))?;
            return Ok(Some(Deduplication::Id(id.to_owned())));
        }
        let by_content = text(request, "upstash-content-based-deduplication")?;
        Ok(by_content.filter(|value| boolean(value)).map(|_| Deduplication::Content))
    }

    /// The bytes of the fields, of those of callbacks and of their URLs.
    pub(crate) fn size(&self) -> usize {
        let callbacks = [&self.callback, &self.failure_callback].into_iter().flatten();
        let of_callbacks = callbacks.map(|callback| callback.url.len() + fields_size(&callback.options.forwarded));
        fields_size(&self.forwarded) + of_callbacks.sum::<usize>()
    }

    /// The method that the destination is called with.
    pub(crate) fn method(&self) -> Method {
        self.method.clone().unwrap_or(Method::POST)
    }
}

/// The value of a field, if it is one, without the spaces around it.
pub(crate) fn text<'a>(fields: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Refusal> {
    let Some(value) = fields.get(name) else { return Ok(None) };
    let text = value.to_str().map_err(|_| not_ascii(name))?;
    Ok(Some(text.trim()))
}

/// The values of a field whose value is a list, which may be in several lines (RFC 9110, section 5.3).
fn list(fields: &HeaderMap, name: &'static str) -> Result<Option<String>, Refusal> {
    if !fields.contains_key(name) {
        return Ok(None);
    }
    let lines = fields.get_all(name).iter().map(|value| value.to_str());
    let lines: Result<Vec<&str>, _> = lines.collect();
    Ok(Some(lines.map_err(|_| not_ascii(name))?.join(",")))
}

fn not_ascii(name: &str) -> Refusal {
    Refusal::invalid(format!("invalid {name}: not visible ASCII characters"))
}

fn callback(options: &HeaderMap, name: &'static str, own: &HeaderMap) -> Result<Option<Arc<Callback>>, Refusal> {
    let Some(url) = text(options, name)?.filter(|url| !url.is_empty()) else { return Ok(None) };
    check_destination(url).map_err(|error| Refusal::invalid(format!("invalid {name} url: {error}")))?;
    let mut fields = Fields::sorted(own);
    // The body of a callback is JSON.
    fields.forwarded.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let options = Arc::new(Options::own(fields.forwarded, &fields.options)?);
    Ok(Some(Arc::new(Callback { url: url.to_owned(), options })))
}

fn invalid(error: impl std::fmt::Display) -> Refusal {
    Refusal::invalid(error.to_string())
}

fn checked_method(method: &str) -> Result<Method, Refusal> {
    match method.to_ascii_uppercase().as_str() {
        "GET" => Ok(Method::GET),
        "POST" => Ok(Method::POST),
        "PUT" => Ok(Method::PUT),
        "PATCH" => Ok(Method::PATCH),
        "DELETE" => Ok(Method::DELETE),
        _ => Err(Refusal::invalid("invalid Upstash-Method: should be GET, POST, PUT, PATCH or DELETE")),
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, Refusal> {
    value.parse().map_err(|_| Refusal::invalid(format!("invalid {name}: should be a whole number, 0 or more")))
}

fn expression(text: &str) -> Result<Arc<Expression>, Refusal> {
    let expression = Expression::parse(text);
    Ok(Arc::new(expression.map_err(|error| Refusal::invalid(format!("invalid Upstash-Retry-Delay: {error}")))?))
}

fn read_duration(name: &str, value: Option<&str>) -> Result<Option<Duration>, Refusal> {
    let invalid = |error| Refusal::invalid(format!("invalid {name}: {error}"));
    value.map(duration::parse).transpose().map_err(invalid)
}

fn flow(key: Option<&str>, value: Option<&str>) -> Result<Option<(Arc<str>, FlowLimits)>, Refusal> {
    match (key, value) {
        (Some(key), Some(value)) if !key.is_empty() => {
            let value = FlowValue::parse(value).map_err(invalid)?;
            let period_ms = u64::try_from(value.period.as_millis()).unwrap_or(u64::MAX);
            let limits = FlowLimits { parallelism: value.parallelism, rate: value.rate, period_ms };
            Ok(Some((key.into(), limits)))
        }
        (None, None) => Ok(None),
        _ => Err(Refusal::invalid(FlowValue::REFUSAL)),
    }
}
