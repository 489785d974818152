//! axum-login with its sessions in Redis: login, logout, a page for those who are logged in, and one for who may.
//!
//! ```sh
//! upstash-local &                          # or a database of yours; the variables are in what it prints
//! cargo run -p axum-upstash-examples --bin axum_login --features axum-login
//! curl -ic jar -d 'name=ferris&password=crab' localhost:3000/login
//! curl -b jar localhost:3000/me            # ferris
//! ```

use axum::{
    Form, Router,
    http::StatusCode,
    routing::{get, post},
};
use axum_login::{
    AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend, AuthzBackend, UserId, login_required,
    permission_required,
    tower_sessions::{Expiry, SessionManagerLayer, cookie::time::Duration},
};
use axum_upstash::{Upstash, session::compat::TowerSessionStore};
use serde::Deserialize;
use std::{collections::HashSet, convert::Infallible, error::Error};

#[derive(Debug, Clone)]
struct User {
    name: &'static str,
    /// In an application the hash of it, as in `session_login.rs`.
    password: &'static str,
    permissions: &'static [&'static str],
}

impl AuthUser for User {
    type Id = String;

    fn id(&self) -> String {
        self.name.to_owned()
    }

    fn session_auth_hash(&self) -> &[u8] {
        self.password.as_bytes()
    }
}

#[derive(Clone, Deserialize)]
struct Credentials {
    name: String,
    password: String,
}

#[derive(Clone)]
struct Users(&'static [User]);

impl AuthnBackend for Users {
    type User = User;
    type Credentials = Credentials;
    type Error = Infallible;

    async fn authenticate(&self, credentials: Credentials) -> Result<Option<User>, Infallible> {
        let is = |user: &&User| user.name == credentials.name && user.password == credentials.password;
        Ok(self.0.iter().find(is).cloned())
    }

    async fn get_user(&self, id: &UserId<Self>) -> Result<Option<User>, Infallible> {
        Ok(self.0.iter().find(|user| user.name == id).cloned())
    }
}

impl AuthzBackend for Users {
    type Permission = String;

    async fn get_user_permissions(&self, user: &User) -> Result<HashSet<String>, Infallible> {
        Ok(user.permissions.iter().map(|&permission| permission.to_owned()).collect())
    }
}

type Auth = AuthSession<Users>;

async fn login(mut auth: Auth, Form(credentials): Form<Credentials>) -> Result<String, StatusCode> {
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
    let Some(user) = auth.authenticate(credentials).await.map_err(failed)? else {
        return Err(StatusCode::UNAUTHORIZED);
    };
    auth.login(&user).await.map_err(failed)?;
    Ok(user.name.to_owned())
}

async fn logout(mut auth: Auth) -> Result<(), StatusCode> {
    auth.logout().await.map(drop).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn me(auth: Auth) -> String {
    auth.user.map(|user| user.name.to_owned()).unwrap_or_default()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    const USERS: &[User] = &[
        User { name: "ferris", password: "crab", permissions: &["feed"] },
        User { name: "corro", password: "lobster", permissions: &[] },
    ];
    let upstash = Upstash::from_env()?;
    let sessions = SessionManagerLayer::new(TowerSessionStore::new(upstash.redis()))
        // The cookie travels without TLS here, on this machine alone.
        .with_secure(false)
        .with_expiry(Expiry::OnInactivity(Duration::days(1)));
    let app = Router::new()
        .route("/feed", get(|| async { "fed" }))
        .route_layer(permission_required!(Users, "feed".to_owned()))
        .route("/me", get(me))
        .route_layer(login_required!(Users))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .layer(AuthManagerLayerBuilder::new(Users(USERS), sessions).build());
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(3000);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    axum::serve(listener, app).await?;
    Ok(())
}
