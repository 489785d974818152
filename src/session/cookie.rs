use super::store::Record;
use crate::{Error, ErrorKind};
use cookie::{Cookie, Expiration};
use http::{HeaderMap, HeaderValue, header::COOKIE};
use std::{fmt::Write, time::Duration};

/// Browsers keep no cookie for longer (RFC 6265bis 5.5).
const LONGEST: Duration = Duration::from_secs(400 * 24 * 3600);

/// What `; Max-Age=` and its value can need.
const LIFETIME_LEN: usize = 18;

/// SessionSelector requests from other sites carry the cookie.
///
/// ```
/// use axum_upstash::session::{SameSite, SessionCookie};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cookie = SessionCookie::builder().same_site(SameSite::Strict).build()?;
/// // `None` needs `Secure`, or browsers ignore the cookie.
/// assert!(SessionCookie::builder().same_site(SameSite::None).secure(false).build().is_err());
/// # drop(cookie);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SameSite {
    /// None.
    Strict,
    /// Those by which a user comes from there, such as a link.
    #[default]
    Lax,
    /// All; needs `Secure`.
    None,
}

impl From<SameSite> for cookie::SameSite {
    fn from(same_site: SameSite) -> Self {
        match same_site {
            SameSite::Strict => Self::Strict,
            SameSite::Lax => Self::Lax,
            SameSite::None => Self::None,
        }
    }
}

/// The session cookie and its attributes (RFC 6265bis).
///
/// The default is `__Host-id` with `Secure; HttpOnly; SameSite=Lax; Path=/`: with that prefix browsers themselves see
/// to it that no other host and no unencrypted page can set it.
///
/// ```
/// use axum_upstash::{Upstash, session::{SameSite, SessionCookie}};
/// use std::time::Duration;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let upstash = Upstash::builder().or_memory().build()?;
/// let cookie = SessionCookie::builder()
///     .name("cart")
///     .same_site(SameSite::Strict)
///     .max_age(Duration::from_secs(30 * 86_400))
///     .build()?;
/// assert_eq!(cookie.name(), "cart");
/// let layer = upstash.session_layer().with_cookie(cookie);
/// # drop(layer);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct SessionCookie {
    name: String,
    path: String,
    domain: Option<String>,
    same_site: SameSite,
    secure: bool,
    partitioned: bool,
    max_age: Option<Duration>,
    /// What comes after the value, but for the lifetime: written once, sent often.
    rest: String,
}

impl SessionCookie {
    /// Begins with the defaults.
    pub fn builder() -> SessionCookieBuilder {
        SessionCookieBuilder(Self::default())
    }

    /// `id` without `Secure` and without prefix, for plain HTTP on the developer's own machine.
    pub fn local_development() -> Self {
        Self { name: "id".to_owned(), secure: false, ..Self::default() }.finished()
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The values that the request has for this cookie. What stands beside it, and in what encoding, is nothing to us.
    pub(super) fn values<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> + 'a {
        headers
            .get_all(COOKIE)
            .iter()
            .flat_map(|line| line.as_bytes().split(|&byte| byte == b';'))
            .filter_map(|pair| pair.trim_ascii().strip_prefix(self.name.as_bytes())?.strip_prefix(b"="))
            .filter_map(|value| std::str::from_utf8(unquoted(value)).ok())
    }

    /// `Set-Cookie` with this value, kept for as long as the session says, or else the cookie.
    pub(super) fn set(&self, value: &str, record: Option<&Record>, now_ms: u64) -> Option<HeaderValue> {
        let mut line = String::with_capacity(self.name.len() + 1 + value.len() + self.rest.len() + LIFETIME_LEN);
        line.extend([&self.name, "=", value, &self.rest]);
        if let Some(max_age) = self.kept(record, now_ms) {
            write!(line, "; Max-Age={}", max_age.min(LONGEST).as_secs()).ok()?;
        }
        header(line)
    }

    /// Whether the browser keeps the cookie of such a session when it is closed.
    pub(super) fn is_persistent(&self, record: &Record) -> bool {
        match record.lifetime {
            Some(own) => !own.until_closed,
            None => self.max_age.is_some(),
        }
    }

    fn kept(&self, record: Option<&Record>, now_ms: u64) -> Option<Duration> {
        let Some((record, own)) = record.and_then(|record| Some((record, record.lifetime?))) else {
            return self.max_age;
        };
        let left_ms = own.left_ms(record.created_ms, now_ms).filter(|_| !own.until_closed)?;
        Some(Duration::from_millis(left_ms))
    }

    /// Whether it is for the developer's own machine, and for no other.
    pub(super) fn is_local(&self) -> bool {
        !self.secure
    }

    /// `Set-Cookie` that takes the cookie away. It needs the attributes it was set with: browsers refuse it otherwise.
    pub(super) fn removal(&self) -> Option<HeaderValue> {
        let mut cookie = self.attributes();
        cookie.set_max_age(cookie::time::Duration::ZERO);
        cookie.set_expires(Expiration::from(cookie::time::OffsetDateTime::UNIX_EPOCH));
        header(cookie.to_string())
    }

    fn finished(mut self) -> Self {
        let line = self.attributes().to_string();
        self.rest = line.split_once('=').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        self
    }

    /// The cookie without a value.
    fn attributes(&self) -> Cookie<'_> {
        let mut cookie = Cookie::new(self.name.as_str(), "");
        cookie.set_path(self.path.as_str());
        cookie.set_http_only(true);
        cookie.set_same_site(cookie::SameSite::from(self.same_site));
        cookie.set_secure(self.secure);
        cookie.set_partitioned(self.partitioned);
        if let Some(domain) = &self.domain {
            cookie.set_domain(domain.as_str());
        }
        cookie
    }
}

/// A value may stand in quotes, which are no part of it (RFC 6265 4.1.1).
fn unquoted(value: &[u8]) -> &[u8] {
    match value.trim_ascii() {
        [b'"', inner @ .., b'"'] => inner,
        other => other,
    }
}

fn header(line: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(line).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self {
            name: "__Host-id".to_owned(),
            path: "/".to_owned(),
            domain: None,
            same_site: SameSite::Lax,
            secure: true,
            partitioned: false,
            max_age: None,
            rest: String::new(),
        }
        .finished()
    }
}

/// Sets up a [`SessionCookie`].
///
/// ```
/// use axum_upstash::session::SessionCookie;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cookie = SessionCookie::builder().domain("example.com").name("id").build()?;
/// assert_eq!(cookie.name(), "id");
/// assert!(SessionCookie::builder().name("no spaces").build().is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct SessionCookieBuilder(SessionCookie);

impl SessionCookieBuilder {
    /// The name (`__Host-id`). The prefixes `__Secure-`, `__Host-`, `__Http-` and `__Host-Http-` have rules (RFC 6265bis
    /// 4.1.3), which [`build`](Self::build) checks. The cookie is always `HttpOnly`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.0.name = name.into();
        self
    }

    /// The path (`/`).
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.0.path = path.into();
        self
    }

    /// Sends the cookie to the subdomains of this domain as well: `example.com`, a host name in ASCII. Without it,
    /// which is safer, the cookie goes to the host itself only.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.0.domain = Some(domain.into());
        self
    }

    /// Whether each top-level site that embeds this one has a cookie of its own (`Partitioned`, CHIPS; it has not). It needs
    /// `Secure`, and for embedded pages of other sites [`SameSite::None`].
    pub fn partitioned(mut self, partitioned: bool) -> Self {
        self.0.partitioned = partitioned;
        self
    }

    /// Whether other sites' requests carry it (`Lax`: only when a user follows a link).
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.0.same_site = same_site;
        self
    }

    /// Whether it travels over HTTPS only (it does).
    pub fn secure(mut self, secure: bool) -> Self {
        self.0.secure = secure;
        self
    }

    /// Sets how long the browser keeps the cookie, in whole seconds (until the browser is closed). It is sent again as
    /// the session is used, when a tenth of the idle time is over. It does not keep the session itself, which ends by
    /// the layer's [`Lifetime`](super::Lifetime). If a session has a [lifetime of its
    /// own](super::Session::set_lifetime), for "remember me", its cookie is kept for that time.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.0.max_age = Some(max_age);
        self
    }

    /// The cookie.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`], naming every setting that browsers would refuse in combination.
    pub fn build(self) -> Result<SessionCookie, Error> {
        let SessionCookie { name, path, domain, same_site, secure, max_age, .. } = &self.0;
        let token = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?={}".contains(c);
        let attribute = |text: &str| text.chars().all(|c| (' '..='~').contains(&c) && c != ';');
        let lower = name.to_ascii_lowercase();
        let is_prefixed = ["__host-", "__secure-", "__http-"].iter().any(|prefix| lower.starts_with(prefix));
        let problems: Vec<&str> = [
            (name.is_empty() || !name.chars().all(token), "the name is not a token"),
            (!path.starts_with('/') || !attribute(path), "the path is not one"),
            (domain.as_deref().is_some_and(|domain| !is_host_name(domain)), "the domain is not a host name"),
            (lower.starts_with("__host-") && domain.is_some(), "__Host- allows no domain"),
            (lower.starts_with("__host-") && path != "/", "__Host- allows no path but /"),
            (is_prefixed && !secure, "the prefix needs Secure"),
            (self.0.partitioned && !secure, "Partitioned needs Secure"),
            (*same_site == SameSite::None && !secure, "SameSite=None needs Secure"),
            (max_age.is_some_and(|age| age < Duration::from_secs(1)), "a lifetime below a second removes the cookie"),
            (max_age.is_some_and(|age| age > LONGEST), "browsers keep no cookie for more than 400 days"),
        ]
        .into_iter()
        .filter_map(|(wrong, problem)| wrong.then_some(problem))
        .collect();
        if problems.is_empty() {
            Ok(self.0.finished())
        } else {
            Err(Error::new(
                ErrorKind::Configuration,
                format!("the session cookie cannot work: {}", problems.join("; ")),
            ))
        }
    }
}

/// A name as browsers take it for `Domain`: without port, scheme or wildcard; a dot in front changes nothing (RFC 6265
/// 5.2.3).
fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (1..=63).contains(&label.len())
            && label.chars().all(is_inside)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let name = text.strip_prefix('.').unwrap_or(text);
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Lifetime;
    use std::collections::BTreeMap;

    #[test]
    fn set_and_removed_with_the_same_attributes() {
        let cookie = SessionCookie::default();
        let set = cookie.set("v", None, 0).unwrap();
        assert_eq!(set, "__Host-id=v; HttpOnly; SameSite=Lax; Secure; Path=/");
        assert!(set.is_sensitive());
        // By the session's own lifetime: the idle time, or what is left of the absolute one.
        let mut record = Record::begun(0, 1, BTreeMap::new());
        let lifetime = Lifetime::new(Duration::from_secs(3600), Some(Duration::from_secs(7200)));
        for (own, now_s, kept) in
            [(lifetime, 0, "; Max-Age=3600"), (lifetime, 7000, "; Max-Age=200"), (lifetime.until_closed(), 0, "")]
        {
            record.lifetime = Some(own);
            let set = cookie.set("v", Some(&record), now_s * 1000).unwrap();
            assert_eq!(set, format!("__Host-id=v; HttpOnly; SameSite=Lax; Secure; Path=/{kept}"));
        }
        let removal = cookie.removal().unwrap();
        let removal = removal.to_str().unwrap();
        assert!(removal.starts_with("__Host-id=; HttpOnly; SameSite=Lax; Secure; Path=/; "), "{removal}");
        assert!(removal.contains("Max-Age=0") && removal.contains("Expires=Thu, 01 Jan 1970"), "{removal}");
    }

    #[test]
    fn contradictions_are_named_all_at_once() {
        let error = SessionCookie::builder().domain("example.com").path("/a").secure(false).build().unwrap_err();
        let text = error.to_string();
        for part in ["no domain", "no path but /", "needs Secure"] {
            assert!(text.contains(part), "{text}");
        }
        for builder in [
            SessionCookie::builder().name("a b"),
            SessionCookie::builder().name(""),
            SessionCookie::builder().name("a").path("x"),
            SessionCookie::builder().name("a").path("/;Domain=evil"),
            SessionCookie::builder().name("a").same_site(SameSite::None).secure(false),
            SessionCookie::builder().name("a").max_age(Duration::from_millis(999)),
            SessionCookie::builder().name("a").max_age(Duration::MAX),
            SessionCookie::builder().name("__Http-id").secure(false),
            SessionCookie::builder().name("__host-http-id").path("/a"),
            SessionCookie::builder().name("__Host-Http-id").domain("example.com"),
            SessionCookie::builder().name("a").partitioned(true).secure(false),
            SessionCookie::builder().name("a").domain("localhost:8080"),
            SessionCookie::builder().name("a").domain("https://example.com"),
            SessionCookie::builder().name("a").domain("*.example.com"),
            SessionCookie::builder().name("a").domain("example.com/"),
            SessionCookie::builder().name("a").domain("exämple.com"),
            SessionCookie::builder().name("a").domain("a..com"),
            SessionCookie::builder().name("a").domain(""),
        ] {
            assert!(builder.clone().build().is_err(), "{builder:?}");
        }
        for builder in [
            SessionCookie::builder().name("a").domain("example.com").path("/a"),
            SessionCookie::builder().name("a").domain(".xn--exmple-cua.com"),
            SessionCookie::builder().name("__Http-id").path("/a"),
            SessionCookie::builder().name("__Host-Http-id"),
        ] {
            assert!(builder.clone().build().is_ok(), "{builder:?}");
        }
        let partitioned = SessionCookie::builder().same_site(SameSite::None).partitioned(true).build().unwrap();
        let set = partitioned.set("v", None, 0).unwrap();
        assert_eq!(set, "__Host-id=v; HttpOnly; SameSite=None; Partitioned; Secure; Path=/");
    }

    #[test]
    fn finds_its_own_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=1; id=x; id2=3; =; id".parse().unwrap());
        headers.append(COOKIE, http::HeaderValue::from_bytes(b"id=y; name=Jos\xe9").unwrap());
        let cookie = SessionCookie::local_development();
        headers.append(COOKIE, "id=\"z\"; id= \"w\" ; id=\"v; id=\"".parse().unwrap());
        assert_eq!(cookie.values(&headers).collect::<Vec<_>>(), ["x", "y", "z", "w", "\"v", "\""]);
    }
}
