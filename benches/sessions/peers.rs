//! The three kinds of sessions, behind the same handlers, on stores that count and fail alike.

use async_trait::async_trait;
use axum::{
    Router,
    extract::{FromRequestParts, Path},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use axum_upstash::session as ours;
use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::sync::Notify;

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

type Apps = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Router> + Send>> + Send + Sync>;
pub type Gate = Arc<(Notify, Notify)>;

/// One kind of sessions, with a store of its own.
pub struct Peer {
    pub name: &'static str,
    pub control: Arc<Control>,
    pub gate: Gate,
    /// Another instance of the application.
    pub app: Apps,
    /// The same with a `__Host-` cookie.
    pub host_app: Apps,
    /// The same with a new store.
    pub fresh: fn() -> Peer,
}

pub fn peers() -> Vec<Peer> {
    vec![our_peer(), tower_peer(), axum_peer()]
}

/// What the kinds have in common.
trait Session: Clone + Send + Sync + 'static {
    fn get(&self, name: &str) -> impl Future<Output = Result<Option<String>, Response>> + Send;
    fn insert(&self, name: &str, value: &str) -> impl Future<Output = Result<(), Response>> + Send;
    fn rotate(&self) -> impl Future<Output = Result<(), Response>> + Send;
    fn destroy(&self) -> impl Future<Output = Result<(), Response>> + Send;
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
}

#[derive(Debug, Clone)]
struct OurStore(Arc<ours::MemoryStore>, Arc<Control>);

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, axum_upstash::Error>> + Send + 'a>>;

fn down() -> axum_upstash::Error {
    axum_upstash::Error::new(axum_upstash::ErrorKind::Connect, "down")
}

impl ours::SessionStore for OurStore {
    fn load<'a>(&'a self, load: ours::Load<'a>) -> Answer<'a, ours::Loaded> {
        Box::pin(async move {
            self.1.load(down)?;
            self.0.load(load).await
        })
    }

    fn commit<'a>(&'a self, key: &'a ours::SessionKey, commit: &'a ours::Commit) -> Answer<'a, ours::Committed> {
        Box::pin(async move {
            self.1.write(down)?;
            self.0.commit(key, commit).await
        })
    }
}

fn our_peer() -> Peer {
    let (control, gate) = (Arc::<Control>::default(), Gate::default());
    let store = OurStore(Arc::default(), Arc::clone(&control));
    let app = {
        let gate = Arc::clone(&gate);
        move || -> Pin<Box<dyn Future<Output = Router> + Send>> {
            let keys = ours::KeyRing::new(["a secret of at least 32 bytes, for a bench"]).unwrap();
            let app = routes::<ours::Session>(Arc::clone(&gate)).layer(ours::SessionLayer::new(store.clone(), keys));
            Box::pin(async move { app })
        }
    };
    let (app, host_app) = (Box::new(app.clone()), Box::new(app));
    Peer { name: "ours", control, gate, app, host_app, fresh: our_peer }
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
    let make = |name: &'static str| -> Apps {
        let (gate, store) = (Arc::clone(&gate), store.clone());
        Box::new(move || {
            let layer = tower_sessions::SessionManagerLayer::new(store.clone()).with_name(name);
            let app = routes::<tower_sessions::Session>(Arc::clone(&gate)).layer(layer);
            Box::pin(async move { app })
        })
    };
    let (app, host_app) = (make("id"), make("__Host-id"));
    Peer { name: "tower-sessions", control, gate, app, host_app, fresh: tower_peer }
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
    let make = |host: bool| -> Apps {
        let (gate, store) = (Arc::clone(&gate), store.clone());
        Box::new(move || {
            let (gate, store) = (Arc::clone(&gate), store.clone());
            Box::pin(async move {
                let config = axum_session::SessionConfig::default().with_prefix_with_host(host).with_secure(host);
                let store = axum_session::SessionStore::new(Some(store), config).await.unwrap();
                let layer = axum_session::SessionLayer::new(store);
                routes::<axum_session::Session<AxumStore>>(gate).layer(layer)
            })
        })
    };
    let (app, host_app) = (make(false), make(true));
    Peer { name: "axum_session", control, gate, app, host_app, fresh: axum_peer }
}
