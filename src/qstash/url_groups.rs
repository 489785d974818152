use super::{
    DeliveryOptions, QStashClient, UrlGroupName,
    call::{Call, Caller},
    error::invalid,
    message::check_url,
    wire::{FromWire, Object, Unreadable, items},
};
use crate::Error;
use http::Method;
use serde_json::{Map, Value, json};
use std::{fmt, time::SystemTime};

/// URL groups: a message for a group goes to each of its endpoints. Upstash's API calls them topics.
///
/// ```no_run
/// use axum_upstash::qstash::{Endpoint, QStashClient};
///
/// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
/// let groups = qstash.url_groups();
/// let mail = Endpoint::new("https://mail.example.com/receipt").with_name("mail");
/// groups.add_endpoints("receipts", [mail, "https://app.example.com/receipt".into()]).await?;
/// println!("{:?}", groups.get("receipts").await?.endpoints);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct UrlGroups {
    caller: Caller,
}

/// An endpoint of a URL group: its URL, and perhaps a name.
///
/// ```
/// use axum_upstash::qstash::Endpoint;
///
/// let endpoint = Endpoint::new("https://mail.example.com/receipt").with_name("mail");
/// assert_eq!(endpoint.name.as_deref(), Some("mail"));
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// The URL.
    pub url: String,
    /// The name, if it has one.
    pub name: Option<String>,
}

impl Endpoint {
    /// An endpoint without a name.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), name: None }
    }

    /// Gives the endpoint a name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl From<&str> for Endpoint {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for Endpoint {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

// By hand: a URL may hold a password.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("name", &self.name).finish_non_exhaustive()
    }
}

impl FromWire for Endpoint {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        Ok(Self { url: object.required_text("url")?, name: object.text("name") })
    }
}

/// The endpoint to remove from a URL group: the one of this URL, or of this name.
///
/// ```no_run
/// use axum_upstash::qstash::{EndpointSelector, QStashClient};
///
/// # async fn run(qstash: QStashClient) -> Result<(), axum_upstash::Error> {
/// let old = EndpointSelector::Url("https://app.example.com/old".to_owned());
/// qstash.url_groups().remove_endpoints("receipts", [EndpointSelector::Name("mail".to_owned()), old]).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub enum EndpointSelector {
    /// The endpoint with this URL.
    Url(String),
    /// The endpoint with this name.
    Name(String),
}

// By hand: a URL may hold a password.
impl fmt::Debug for EndpointSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(_) => f.debug_tuple("Url").finish_non_exhaustive(),
            Self::Name(name) => f.debug_tuple("Name").field(name).finish(),
        }
    }
}

/// A URL group.
///
/// ```no_run
/// # async fn run(qstash: axum_upstash::qstash::QStashClient) -> Result<(), axum_upstash::Error> {
/// for group in qstash.url_groups().list().await? {
///     println!("{} has {} endpoints", group.name, group.endpoints.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UrlGroup {
    /// The name.
    pub name: UrlGroupName,
    /// The time at which it was created.
    pub created_at: Option<SystemTime>,
    /// The time of its last change.
    pub updated_at: Option<SystemTime>,
    /// The endpoints, in the order in which a message goes to them.
    pub endpoints: Vec<Endpoint>,
}

impl FromWire for UrlGroup {
    fn from_wire(value: &Value) -> Result<Self, Unreadable> {
        let object = Object::of(value)?;
        Ok(Self {
            name: object.required_id("name")?,
            created_at: object.time("createdAt"),
            updated_at: object.time("updatedAt"),
            endpoints: object.items(&["endpoints"])?,
        })
    }
}

impl QStashClient {
    /// URL groups and their endpoints.
    pub fn url_groups(&self) -> UrlGroups {
        UrlGroups { caller: self.caller().clone() }
    }
}

impl UrlGroups {
    /// Lists all groups.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn list(&self) -> Result<Vec<UrlGroup>, Error> {
        self.caller.send(Call::get("qstash url groups list", "/v2/topics")).await?.read(items)
    }

    /// Reads a group.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if it does not exist.
    pub async fn get(&self, name: impl TryInto<UrlGroupName, Error: Into<Error>>) -> Result<UrlGroup, Error> {
        const OPERATION: &str = "qstash url group get";
        self.caller.fetch(Call::get(OPERATION, path(name, "", OPERATION)?)).await
    }

    /// Adds endpoints, and creates the group if it does not exist. An endpoint that is there already is updated. Without
    /// any endpoint nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if a URL or a name cannot be sent, and
    /// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) if the plan has no more groups or endpoints.
    pub async fn add_endpoints(
        &self,
        name: impl TryInto<UrlGroupName, Error: Into<Error>>,
        endpoints: impl IntoIterator<Item = impl Into<Endpoint>>,
    ) -> Result<(), Error> {
        const OPERATION: &str = "qstash url group add endpoints";
        let path = path(name, "/endpoints", OPERATION)?;
        let checked = |endpoint: Endpoint| {
            let is_loopback = check_url("the endpoint", &endpoint.url)?;
            self.caller.check_loopback("the endpoint", is_loopback)?;
            Ok(match endpoint.name {
                Some(name) => json!({"url": endpoint.url, "name": named(name)?}),
                None => json!({"url": endpoint.url}),
            })
        };
        let endpoints = all(endpoints.into_iter().map(Into::into), checked, OPERATION)?;
        if endpoints.is_empty() {
            return Ok(());
        }
        let call = Call::post(OPERATION, path).json(&json!({"endpoints": endpoints}));
        self.caller.send(call.repeatable()).await.map(drop)
    }

    /// Removes endpoints. The group goes with the last one. Without any selector nothing is sent.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if a selector is empty, and those of the service.
    pub async fn remove_endpoints(
        &self,
        name: impl TryInto<UrlGroupName, Error: Into<Error>>,
        endpoints: impl IntoIterator<Item = EndpointSelector>,
    ) -> Result<(), Error> {
        const OPERATION: &str = "qstash url group remove endpoints";
        let path = path(name, "/endpoints", OPERATION)?;
        let selected = |selector| match selector {
            EndpointSelector::Url(url) => check_url("the endpoint", &url).map(|_| json!({"url": url})),
            EndpointSelector::Name(name) => Ok(json!({"name": named(name)?})),
        };
        let endpoints = all(endpoints.into_iter(), selected, OPERATION)?;
        if endpoints.is_empty() {
            return Ok(());
        }
        self.caller.send(Call::delete(OPERATION, path).json(&json!({"endpoints": endpoints}))).await.map(drop)
    }

    /// Deletes a group. It is no error if it does not exist. Messages that are under way are still delivered, and schedules
    /// for the group stay.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn delete(&self, name: impl TryInto<UrlGroupName, Error: Into<Error>>) -> Result<(), Error> {
        const OPERATION: &str = "qstash url group delete";
        self.caller.send(Call::delete(OPERATION, path(name, "", OPERATION)?).repeatable()).await.map(drop)
    }

    /// Sets the options of messages to the group that do not set them themselves.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if an option cannot be sent, and
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if the group does not exist.
    pub async fn set_defaults(
        &self,
        name: impl TryInto<UrlGroupName, Error: Into<Error>>,
        defaults: DeliveryOptions,
    ) -> Result<(), Error> {
        const OPERATION: &str = "qstash url group set defaults";
        let path = path(name, "", OPERATION)?;
        let without_client_headers = Caller { message_headers: std::sync::Arc::default(), ..self.caller.clone() };
        let headers = defaults.options.into_headers(&without_client_headers);
        let headers = headers.map_err(|error| error.with_operation(OPERATION))?;
        let mut named = Map::new();
        for name in headers.keys() {
            let values: Vec<Value> =
                headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into()).collect();
            named.insert(name.as_str().to_owned(), values.into());
        }
        let call = Call::new(OPERATION, Method::PATCH, path).json(&json!({"headers": named}));
        self.caller.send(call.repeatable()).await.map(drop)
    }
}

fn path(
    name: impl TryInto<UrlGroupName, Error: Into<Error>>,
    end: &str,
    operation: &'static str,
) -> Result<String, Error> {
    let name = name.try_into().map_err(|error| error.into().with_operation(operation))?;
    Ok(format!("/v2/topics/{}{end}", name.segment()))
}

fn all<T>(
    items: impl Iterator<Item = T>,
    check: impl FnMut(T) -> Result<Value, Error>,
    operation: &'static str,
) -> Result<Vec<Value>, Error> {
    items.map(check).collect::<Result<_, _>>().map_err(|error| error.with_operation(operation))
}

fn named(name: String) -> Result<String, Error> {
    if name.trim().is_empty() {
        return Err(invalid("the name of an endpoint is empty"));
    }
    Ok(name)
}
