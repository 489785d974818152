use super::{
    Claims, Region, ReplayGuard, SignatureError,
    claims::{Signed, Unchecked},
    keys::Keys,
    subject,
};
use crate::{Clock, Error, ErrorKind, problems::Problems};
use std::{fmt, sync::Arc, time::Duration};

/// The largest body that the largest fixed plan delivers is 50 MB; the default is what most plans deliver.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// Verifies that a request was signed by QStash.
///
/// It is the axum state, or a part of it, that [`QStash`](super::QStash) takes its keys from. Cloning is cheap.
///
/// ```
/// use axum_upstash::{Clock, qstash::{Receiver, SignatureError}};
/// use std::time::Duration;
///
/// # fn main() -> Result<(), axum_upstash::Error> {
/// let receiver = Receiver::new("sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r", "sig_5ZB6DVzB1wjE8S6rZ7eenA8Pdnhs")?
///     .with_clock_tolerance(Duration::from_secs(5));
///
/// assert_eq!(receiver.verify("not a token", b"body"), Err(SignatureError::Malformed));
/// # Ok(())
/// # }
/// ```
///
/// # What is checked
/// The checks, in this order: the token has three parts and is signed with HS256, by the current signing key or else
/// the next; `iss` is `Upstash`; `exp` and `nbf` against the clock; `sub` if a URL is given; the SHA-256 of the body.
///
/// The URL is not checked unless you say what it is ([`try_with_public_url`](Self::try_with_public_url),
/// [`verify_for_url`](Self::verify_for_url)), because behind a proxy a request does not show the URL it was sent to.
#[derive(Clone)]
#[must_use]
pub struct Receiver {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    keys: Result<Keys, Arc<Error>>,
    /// Keys of deliveries that name their region.
    regions: Vec<(Region, Keys)>,
    clock: Clock,
    tolerance: Duration,
    body_limit: usize,
    public_url: Option<String>,
    replay_guard: Option<ReplayGuard>,
}

impl Receiver {
    /// Verifies with these signing keys, `QSTASH_CURRENT_SIGNING_KEY` and `QSTASH_NEXT_SIGNING_KEY`.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if a key is empty or contains white space or quotes.
    pub fn new(current_key: impl AsRef<str>, next_key: impl AsRef<str>) -> Result<Self, Error> {
        let (current, next) = (current_key.as_ref(), next_key.as_ref());
        Problems::collect(|problems| {
            Self::named(("the current signing key", current), ("the next signing key", next), problems)
        })
    }

    /// Each key with what it is called in errors.
    pub(crate) fn named(current: (&str, &str), next: (&str, &str), problems: &mut Problems) -> Option<Self> {
        Keys::named(current, next, problems).map(|keys| Self::with_keys(Ok(keys)))
    }

    /// Verifies deliveries of this region, which their header `Upstash-Region` names, with keys of their own. Deliveries of
    /// other regions, and those that name none, are verified with the keys of [`new`](Self::new).
    ///
    /// An application receives from two regions while it moves from one to the other. A region that is set before is
    /// replaced.
    ///
    /// ```
    /// use axum_upstash::qstash::{Receiver, Region};
    ///
    /// # fn main() -> Result<(), axum_upstash::Error> {
    /// let receiver = Receiver::new("sig_eu", "sig_eu_next")?
    ///     .try_with_region(Region::UsEast1, "sig_us", "sig_us_next")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if a key is empty or contains white space or quotes.
    pub fn try_with_region(
        self,
        region: Region,
        current_key: impl AsRef<str>,
        next_key: impl AsRef<str>,
    ) -> Result<Self, Error> {
        let (current, next) = (current_key.as_ref(), next_key.as_ref());
        Problems::collect(|problems| {
            let names = (format!("the current signing key of {region}"), format!("the next signing key of {region}"));
            self.with_region_named(region, (&names.0, current), (&names.1, next), problems)
        })
    }

    pub(crate) fn with_region_named(
        mut self,
        region: Region,
        current: (&str, &str),
        next: (&str, &str),
        problems: &mut Problems,
    ) -> Option<Self> {
        let keys = Keys::named(current, next, problems)?;
        let regions = &mut Arc::make_mut(&mut self.inner).regions;
        regions.retain(|(other, _)| *other != region);
        regions.push((region, keys));
        Some(self)
    }

    /// The receiver for deliveries with this value of the header `Upstash-Region`, which [`verify`](Self::verify) does not
    /// see. The extractors read the header themselves.
    pub fn for_region(&self, region: &str) -> Self {
        let mut inner = (*self.inner).clone();
        inner.keys = self.keys(Some(region)).cloned().map_err(Arc::clone);
        Self { inner: Arc::new(inner) }
    }

    /// A receiver without keys, which refuses every request with a 500 and logs `reason`.
    ///
    /// An application can then start, and serve its other routes, when QStash is not configured.
    pub fn not_configured(reason: Error) -> Self {
        Self::with_keys(Err(Arc::new(reason)))
    }

    fn with_keys(keys: Result<Keys, Arc<Error>>) -> Self {
        Self {
            inner: Arc::new(Inner {
                keys,
                regions: Vec::new(),
                clock: Clock::system(),
                tolerance: Duration::ZERO,
                body_limit: BODY_LIMIT,
                public_url: None,
                replay_guard: None,
            }),
        }
    }

    /// Takes the time from `clock`.
    pub fn with_clock(mut self, clock: Clock) -> Self {
        Arc::make_mut(&mut self.inner).clock = clock;
        self
    }

    /// Sets how far this machine's clock may be off (0 s).
    pub fn with_clock_tolerance(mut self, tolerance: Duration) -> Self {
        Arc::make_mut(&mut self.inner).tolerance = tolerance;
        self
    }

    /// The largest body that an extractor reads (10 MiB). axum's `DefaultBodyLimit` does not apply to it.
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.inner).body_limit = bytes;
        self
    }

    /// Has the extractors and the layer accept each signature once: see [`ReplayGuard`].
    pub fn with_replay_guard(mut self, guard: ReplayGuard) -> Self {
        Arc::make_mut(&mut self.inner).replay_guard = Some(guard);
        self
    }

    /// Has the extractors check that the message was meant for this address followed by the request's path and query.
    ///
    /// `url` is what your users and QStash see, such as `https://app.example.com`. Scheme and host of the request are
    /// never used: a proxy may rewrite them, and a client may forge them. The case of scheme and host and the default
    /// port do not count, and `https://app.example.com` is the URL of the route `/`; path and query count as they are.
    ///
    /// If a message is refused, the log has both URLs without their queries, and the likely cause, at the level `debug`.
    ///
    /// The path is the one that the router got. A layer outside of it that rewrites paths, such as tower-http's
    /// `NormalizePathLayer`, runs before: publish to the URL that it makes. Inside a nested router the whole path is known
    /// with feature `axum` only.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] if it is not an `http` or `https` URL with a host, or has a query, a fragment or a
    /// user.
    pub fn try_with_public_url(mut self, url: &str) -> Result<Self, Error> {
        let plain = url::Url::parse(url).is_ok_and(|parsed| {
            let is_bare = parsed.query().is_none() && parsed.fragment().is_none();
            let has_user = !parsed.username().is_empty() || parsed.password().is_some();
            matches!(parsed.scheme(), "http" | "https") && is_bare && !has_user
        });
        if !plain || url.contains(char::is_whitespace) {
            let message = "the public URL must be a plain address such as https://app.example.com";
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        Arc::make_mut(&mut self.inner).public_url = Some(url.strip_suffix('/').unwrap_or(url).to_owned());
        Ok(self)
    }

    /// Verifies the value of an `Upstash-Signature` header over the bytes of the body as they arrived.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn verify(&self, signature: &str, body: &[u8]) -> Result<Claims, SignatureError> {
        self.check_token(signature, None, None, exact)?.over(body)
    }

    /// [`verify`](Self::verify), and that the message was published to exactly this URL.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn verify_for_url(&self, signature: &str, body: &[u8], url: &str) -> Result<Claims, SignatureError> {
        self.check_token(signature, None, Some(url), exact)?.over(body)
    }

    /// All checks but that of the body. `region` is the one that the request names. `is_same` compares the URL that was signed with the one that is expected.
    pub(super) fn check_token(
        &self,
        signature: &str,
        region: Option<&str>,
        url: Option<&str>,
        is_same: fn(&str, &str) -> bool,
    ) -> Result<Signed, SignatureError> {
        let Inner { clock, tolerance, .. } = &*self.inner;
        let keys = self.keys(region).map_err(|_| SignatureError::NoKeys)?;
        let key = keys.matching(signature)?;
        let signed = Unchecked::decode(signature)?.check(clock.now_ms(), *tolerance, key)?;
        if let Some(expected) = url
            && !is_same(signed.subject(), expected)
        {
            let cause = subject::likely_cause(signed.subject(), expected);
            let (expected, received) = (subject::shown(expected), subject::shown(signed.subject()));
            tracing::debug!(expected, received, cause, "QStash signed the message for another URL");
            return Err(SignatureError::Subject);
        }
        Ok(signed)
    }

    /// The reason why there are no keys for a request that names this region.
    pub(super) fn missing_keys(&self, region: Option<&str>) -> Option<Arc<Error>> {
        self.keys(region).err().map(Arc::clone)
    }

    fn keys(&self, region: Option<&str>) -> Result<&Keys, &Arc<Error>> {
        let named: Option<Region> = region.and_then(|region| region.parse().ok());
        match self.inner.regions.iter().find(|(region, _)| Some(*region) == named) {
            Some((_, keys)) => Ok(keys),
            None => self.inner.keys.as_ref(),
        }
    }

    /// Whether the other one is this receiver or a clone of it.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(super) fn body_limit(&self) -> usize {
        self.inner.body_limit
    }

    pub(super) fn replay_guard(&self) -> Option<&ReplayGuard> {
        self.inner.replay_guard.as_ref()
    }

    /// The time for which a token with these claims is accepted, from now on.
    pub(super) fn lifetime(&self, claims: &Claims) -> Duration {
        let ends_ms = u64::try_from(claims.expires_at).unwrap_or(0).saturating_mul(1000);
        let left = Duration::from_millis(ends_ms.saturating_sub(self.inner.clock.now_ms()));
        left.saturating_add(self.inner.tolerance)
    }

    pub(super) fn public_url(&self) -> Option<&str> {
        self.inner.public_url.as_deref()
    }
}

fn exact(received: &str, expected: &str) -> bool {
    received == expected
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("configured", &self.inner.keys.is_ok())
            .field("regions", &self.inner.regions.iter().map(|(region, _)| region).collect::<Vec<_>>())
            .field("clock", &self.inner.clock)
            .field("clock_tolerance", &self.inner.tolerance)
            .field("body_limit", &self.inner.body_limit)
            .field("public_url", &self.inner.public_url)
            .field("replay_guard", &self.inner.replay_guard)
            .finish_non_exhaustive()
    }
}
