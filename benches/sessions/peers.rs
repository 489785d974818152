//! The three kinds of sessions, behind the same handlers, on stores that count and fail alike.

use async_trait::async_trait;
use axum::{
    Router,
    body::Body,
    extract::{FromRequestParts, OptionalFromRequestParts, Path, Request},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{Route, get, post},
};
use axum_upstash::{response_cache::ResponseCacheLayer, session as ours};
use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::Notify;
use tower::{Layer, Service};

/// Counts the calls of a store, and makes them fail.
#[derive(Debug, Default)]
pub struct Control {
    pub calls: AtomicUsize,
    pub fail_loads: AtomicBool,
    pub fail_writes: AtomicBool,
}

impl Control {
    fn load<E>(&self, error: impl FnOnce() -> E) -> Result<(), E> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.fail_loads.load(Ordering::SeqCst) { Err(error()) } else { Ok(()) }
    }

    fn write<E>(&self, error: impl FnOnce() -> E) -> Result<(), E> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.fail_writes.load(Ordering::SeqCst) { Err(error()) } else { Ok(()) }
    }
}

type Apps = Box<dyn Fn(Setup) -> Pin<Box<dyn Future<Output = Router> + Send>> + Send + Sync>;
pub type Gate = Arc<(Notify, Notify)>;

/// The settings of one instance of the application.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Uses a `__Host-` cookie.
    pub host: bool,
    /// The signing keys; if there can be one only, the first.
    pub keys: Vec<u8>,
    /// The idle and the absolute lifetime.
    pub lifetime: Option<(Duration, Duration)>,
    /// Puts a response cache inside (`false`) or outside (`true`) of the sessions.
    pub cache: Option<bool>,
}

impl Setup {
    fn around<L>(&self, routes: Router, layer: L) -> Router
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        let cache = || ResponseCacheLayer::memory().with_ttl(Duration::from_secs(60));
        match self.cache {
            None => routes.layer(layer),
            Some(false) => routes.layer(cache()).layer(layer),
            Some(true) => routes.layer(layer).layer(cache()),
        }
    }
}

/// One kind of sessions, with a store of its own.
pub struct Peer {
    pub name: &'static str,
    pub control: Arc<Control>,
    pub gate: Gate,
    /// Another instance of the application.
    pub app: Apps,
    /// Whether bodies of any type will do, and whether a handler can do without a session.
    pub any_body: bool,
    pub optional: bool,
    /// Makes the same peer with a new store.
    pub fresh: fn() -> Peer,
}

impl Peer {
    pub async fn app(&self) -> Router {
        self.app_with(Setup::default()).await
    }

    pub async fn app_with(&self, setup: Setup) -> Router {
        (self.app)(setup).await
    }
}

/// Whether a type has a trait: its own constant is found before the trait's.
macro_rules! has {
    ($type:ty: $($bound:tt)+) => {{
        #[allow(dead_code)]
        trait Lacks {
            const HAS: bool = false;
        }
        impl<T> Lacks for Probe<T> {}
        struct Probe<T>(std::marker::PhantomData<T>);
        #[allow(dead_code)]
        impl<T: $($bound)+> Probe<T> {
            const HAS: bool = true;
        }
        <Probe<$type>>::HAS
    }};
}

/// A service whose responses have a body that cannot be made out of nothing.
#[derive(Clone)]
pub struct Rare;

pub struct RareBody(Body);

impl Service<Request> for Rare {
    type Response = http::Response<RareBody>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request) -> Self::Future {
        std::future::ready(Ok(http::Response::new(RareBody(Body::empty()))))
    }
}

impl http_body::Body for RareBody {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }
}

pub fn peers() -> Vec<Peer> {
    vec![our_peer(), tower_peer(), axum_peer()]
}

/// The operations that all kinds have.
trait Session: Clone + Send + Sync + 'static {
    fn get(&self, name: &str) -> impl Future<Output = Result<Option<String>, Response>> + Send;
    fn insert(&self, name: &str, value: &str) -> impl Future<Output = Result<(), Response>> + Send;
    fn rotate(&self) -> impl Future<Output = Result<(), Response>> + Send;
    fn destroy(&self) -> impl Future<Output = Result<(), Response>> + Send;
    fn remove(&self, name: &str) -> impl Future<Output = Result<(), Response>> + Send;
    /// Writes now what was changed.
    fn commit(&self) -> impl Future<Output = Result<(), Response>> + Send;
    /// Sets the owner, if the kind has owners.
    fn belongs_to(&self, _: &str) {}
}

fn failed(error: impl std::fmt::Display) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response()
}

fn routes<S: Session + FromRequestParts<()>>(gate: Gate) -> Router {
    let slow = move |session: S, Path((name, value)): Path<(String, String)>| {
        let gate = Arc::clone(&gate);
        async move {
            session.get("user").await?;
            gate.0.notify_one();
            gate.1.notified().await;
            session.insert(&name, &value).await
        }
    };
    Router::new()
        .route("/untouched", get(|| async { "hello" }))
        .route(
            "/get/{name}",
            get(|session: S, Path(name): Path<String>| async move {
                Ok::<_, Response>(session.get(&name).await?.unwrap_or_else(|| "-".to_owned()))
            }),
        )
        .route(
            "/set/{name}/{value}",
            post(|session: S, Path((name, value)): Path<(String, String)>| async move {
                session.get(&name).await?;
                session.insert(&name, &value).await
            }),
        )
        .route("/slow/{name}/{value}", post(slow))
        .route(
            "/rotate-and-fail",
            post(|session: S| async move {
                session.rotate().await?;
                session.insert("user", "nobody").await?;
                Ok::<_, Response>(StatusCode::INTERNAL_SERVER_ERROR)
            }),
        )
        .route("/logout", post(|session: S| async move { session.destroy().await }))
        .route(
            "/remove/{name}",
            post(|session: S, Path(name): Path<String>| async move { session.remove(&name).await }),
        )
        .route(
            "/commit/{name}/{value}",
            post(|session: S, Path((name, value)): Path<(String, String)>| async move {
                session.get(&name).await?;
                session.insert(&name, &value).await?;
                session.commit().await
            }),
        )
        .route(
            "/login/{user}",
            post(|session: S, Path(user): Path<String>| async move {
                session.get("user").await?;
                session.rotate().await?;
                session.belongs_to(&user);
                session.insert("user", &user).await
            }),
        )
}

/// As both other kinds take it.
fn signed(duration: Duration) -> tower_sessions::cookie::time::Duration {
    duration.try_into().unwrap()
}

impl Session for ours::Session {
    async fn get(&self, name: &str) -> Result<Option<String>, Response> {
        self.get(name).await.map_err(IntoResponse::into_response)
    }

    async fn insert(&self, name: &str, value: &str) -> Result<(), Response> {
        self.insert(name, value).await.map_err(IntoResponse::into_response)
    }

    async fn rotate(&self) -> Result<(), Response> {
        ours::Session::rotate(self).map_err(IntoResponse::into_response)
    }

    async fn destroy(&self) -> Result<(), Response> {
        ours::Session::destroy(self).map_err(IntoResponse::into_response)
    }

    async fn remove(&self, name: &str) -> Result<(), Response> {
        self.remove(name).await.map(drop).map_err(IntoResponse::into_response)
    }

    async fn commit(&self) -> Result<(), Response> {
        ours::Session::commit(self).await.map_err(IntoResponse::into_response)
    }

    fn belongs_to(&self, user: &str) {
        self.set_principal(user).unwrap();
    }
}

#[derive(Debug, Clone)]
struct OurStore(Arc<ours::store::MemorySessionStore>, Arc<Control>);

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, axum_upstash::Error>> + Send + 'a>>;

fn down() -> axum_upstash::Error {
    axum_upstash::Error::new(axum_upstash::ErrorKind::Connect, "down")
}

impl ours::store::SessionStore for OurStore {
    fn load<'a>(&'a self, load: ours::store::Load<'a>) -> Answer<'a, ours::store::Loaded> {
        Box::pin(async move {
            self.1.load(down)?;
            self.0.load(load).await
        })
    }

    fn commit<'a>(&'a self, key: &'a ours::SessionKey, commit: &'a ours::store::Commit) -> Answer<'a, ours::store::CommitOutcome> {
        Box::pin(async move {
            self.1.write(down)?;
            self.0.commit(key, commit).await
        })
    }

    fn confirm<'a>(&'a self, confirm: ours::store::Confirm<'a>) -> Answer<'a, ()> {
        Box::pin(async move {
            self.1.write(down)?;
            self.0.confirm(confirm).await
        })
    }

    fn end<'a>(&'a self, query: ours::store::SessionsOf<'a>, which: ours::store::SessionSelector<'a>) -> Answer<'a, usize> {
        self.0.end(query, which)
    }
}

fn our_peer() -> Peer {
    let (control, gate) = (Arc::<Control>::default(), Gate::default());
    let store = OurStore(Arc::default(), Arc::clone(&control));
    let app: Apps = {
        let gate = Arc::clone(&gate);
        Box::new(move |setup| {
            let secrets = if setup.keys.is_empty() { vec![7] } else { setup.keys.clone() };
            let keys = ours::KeyRing::new(secrets.iter().map(|&byte| [byte; 32])).unwrap();
            let mut layer = ours::SessionLayer::new(store.clone(), keys);
            if let Some((idle, absolute)) = setup.lifetime {
                layer = layer.with_lifetime(ours::Lifetime::new(idle, Some(absolute)));
            }
            let revoke_all = |sessions: ours::UserSessions, Path(user): Path<String>| async move {
                sessions.revoke_all(&user).await.map(|ended| ended.to_string())
            };
            let routes = routes::<ours::Session>(Arc::clone(&gate)).route("/revoke-all/{user}", post(revoke_all));
            let app = setup.around(routes, layer);
            Box::pin(async move { app })
        })
    };
    let (any_body, optional) =
        (has!(ours::SessionService<Rare>: Service<Request>), has!(ours::Session: OptionalFromRequestParts<()>));
    Peer { name: "ours", control, gate, app, any_body, optional, fresh: our_peer }
}

impl Session for tower_sessions::Session {
    async fn get(&self, name: &str) -> Result<Option<String>, Response> {
        self.get(name).await.map_err(failed)
    }

    async fn insert(&self, name: &str, value: &str) -> Result<(), Response> {
        self.insert(name, value).await.map_err(failed)
    }

    async fn rotate(&self) -> Result<(), Response> {
        self.cycle_id().await.map_err(failed)
    }

    async fn destroy(&self) -> Result<(), Response> {
        self.flush().await.map_err(failed)
    }

    async fn remove(&self, name: &str) -> Result<(), Response> {
        self.remove_value(name).await.map(drop).map_err(failed)
    }

    async fn commit(&self) -> Result<(), Response> {
        self.save().await.map_err(failed)
    }
}

#[derive(Debug, Clone)]
struct TowerStore(tower_sessions::MemoryStore, Arc<Control>);

type TowerResult<T> = tower_sessions::session_store::Result<T>;

fn tower_down() -> tower_sessions::session_store::Error {
    tower_sessions::session_store::Error::Backend("down".to_owned())
}

#[async_trait]
impl tower_sessions::SessionStore for TowerStore {
    async fn create(&self, record: &mut tower_sessions::session::Record) -> TowerResult<()> {
        self.1.write(tower_down)?;
        self.0.create(record).await
    }

    async fn save(&self, record: &tower_sessions::session::Record) -> TowerResult<()> {
        self.1.write(tower_down)?;
        self.0.save(record).await
    }

    async fn load(&self, id: &tower_sessions::session::Id) -> TowerResult<Option<tower_sessions::session::Record>> {
        self.1.load(tower_down)?;
        self.0.load(id).await
    }

    async fn delete(&self, id: &tower_sessions::session::Id) -> TowerResult<()> {
        self.1.write(tower_down)?;
        self.0.delete(id).await
    }
}

fn tower_peer() -> Peer {
    let (control, gate) = (Arc::<Control>::default(), Gate::default());
    let store = TowerStore(tower_sessions::MemoryStore::default(), Arc::clone(&control));
    let app: Apps = {
        let gate = Arc::clone(&gate);
        Box::new(move |setup| {
            let name = if setup.host { "__Host-id" } else { "id" };
            let mut layer = tower_sessions::SessionManagerLayer::new(store.clone()).with_name(name);
            if let Some((idle, _)) = setup.lifetime {
                layer = layer.with_expiry(tower_sessions::Expiry::OnInactivity(signed(idle)));
            }
            let routes = routes::<tower_sessions::Session>(Arc::clone(&gate));
            let app = match setup.keys.first() {
                Some(&key) => setup.around(routes, layer.with_signed(tower_sessions::cookie::Key::from(&[key; 64]))),
                None => setup.around(routes, layer),
            };
            Box::pin(async move { app })
        })
    };
    type Manager = tower_sessions::SessionManager<Rare, TowerStore>;
    let any_body = has!(Manager: Service<Request>);
    let optional = has!(tower_sessions::Session: OptionalFromRequestParts<()>);
    Peer { name: "tower-sessions", control, gate, app, any_body, optional, fresh: tower_peer }
}

impl Session for axum_session::Session<AxumStore> {
    async fn get(&self, name: &str) -> Result<Option<String>, Response> {
        Ok(self.get(name))
    }

    async fn insert(&self, name: &str, value: &str) -> Result<(), Response> {
        self.set(name, value);
        Ok(())
    }

    async fn rotate(&self) -> Result<(), Response> {
        self.renew();
        Ok(())
    }

    async fn destroy(&self) -> Result<(), Response> {
        axum_session::Session::destroy(self);
        Ok(())
    }

    async fn remove(&self, name: &str) -> Result<(), Response> {
        axum_session::Session::remove(self, name);
        Ok(())
    }

    async fn commit(&self) -> Result<(), Response> {
        self.force_database_update().await.map_err(failed)
    }
}

#[derive(Debug, Clone)]
struct AxumStore(Arc<Mutex<HashMap<String, String>>>, Arc<Control>);

type AxumResult<T> = Result<T, axum_session::DatabaseError>;

fn axum_down() -> axum_session::DatabaseError {
    axum_session::DatabaseError::GenericSelectError("down".to_owned())
}

#[async_trait]
impl axum_session::DatabasePool for AxumStore {
    async fn initiate(&self, _: &str) -> AxumResult<()> {
        Ok(())
    }

    async fn count(&self, _: &str) -> AxumResult<i64> {
        Ok(self.0.lock().unwrap().len() as i64)
    }

    async fn store(&self, id: &str, session: &str, _: i64, _: &str) -> AxumResult<()> {
        self.1.write(axum_down)?;
        self.0.lock().unwrap().insert(id.to_owned(), session.to_owned());
        Ok(())
    }

    async fn load(&self, id: &str, _: &str) -> AxumResult<Option<String>> {
        self.1.load(axum_down)?;
        Ok(self.0.lock().unwrap().get(id).cloned())
    }

    async fn delete_one_by_id(&self, id: &str, _: &str) -> AxumResult<()> {
        self.1.write(axum_down)?;
        self.0.lock().unwrap().remove(id);
        Ok(())
    }

    async fn exists(&self, id: &str, _: &str) -> AxumResult<bool> {
        self.1.load(axum_down)?;
        Ok(self.0.lock().unwrap().contains_key(id))
    }

    async fn delete_by_expiry(&self, _: &str) -> AxumResult<Vec<String>> {
        Ok(Vec::new())
    }

    async fn delete_all(&self, _: &str) -> AxumResult<()> {
        self.0.lock().unwrap().clear();
        Ok(())
    }

    async fn get_ids(&self, _: &str) -> AxumResult<Vec<String>> {
        Ok(Vec::new())
    }

    fn auto_handles_expiry(&self) -> bool {
        true
    }
}

fn axum_peer() -> Peer {
    let (control, gate) = (Arc::<Control>::default(), Gate::default());
    let store = AxumStore(Arc::default(), Arc::clone(&control));
    let app: Apps = {
        let gate = Arc::clone(&gate);
        Box::new(move |setup| {
            let (gate, store) = (Arc::clone(&gate), store.clone());
            Box::pin(async move {
                let host = setup.host;
                let mut config = axum_session::SessionConfig::default().with_prefix_with_host(host).with_secure(host);
                if let Some((idle, absolute)) = setup.lifetime {
                    config = config.with_lifetime(signed(idle)).with_max_lifetime(signed(absolute));
                }
                if let Some(&key) = setup.keys.first() {
                    config = config.with_key(axum_session::Key::from(&[key; 64]));
                }
                let store = axum_session::SessionStore::new(Some(store), config).await.unwrap();
                let layer = axum_session::SessionLayer::new(store);
                setup.around(routes::<axum_session::Session<AxumStore>>(gate), layer)
            })
        })
    };
    type Manager = <axum_session::SessionLayer<AxumStore> as Layer<Rare>>::Service;
    let any_body = has!(Manager: Service<Request>);
    let optional = has!(axum_session::Session<AxumStore>: OptionalFromRequestParts<()>);
    Peer { name: "axum_session", control, gate, app, any_body, optional, fresh: axum_peer }
}
