//! Logging in with a password: a new id at login, "remember me", a page with the user's devices, and messages.
//!
//! ```sh
//! cargo run -p axum-upstash-examples --bin session_login --features session-login        # and open http://localhost:3000: ferris, password "correct horse"
//! ```
//!
//! Without variables it runs in memory; with `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN` it keeps its sessions
//! there. `PORT` is the port, 3000 if it is not set. With `SECURE=1` the cookie is the one for applications behind TLS, which
//! browsers take from `localhost` as well.

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use axum::{
    Form, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use axum_upstash::{
    Upstash,
    session::{
        DeviceInfo, Flash, Lifetime, Session, SessionCookie, SessionError, SessionInfo, SessionKey, UserSessions,
    },
};
use serde::Deserialize;
use std::{collections::HashMap, error::Error, sync::Arc, time::Duration};
use tower_http::csrf::CsrfLayer;

/// Who may log in, with the hash of the password.
#[derive(Clone)]
struct Users(Arc<HashMap<String, String>>);

impl Users {
    fn with(name: &str, password: &str) -> Result<Self, Box<dyn Error>> {
        let hash = Argon2::default().hash_password(password.as_bytes())?.to_string();
        Ok(Self(Arc::new(HashMap::from([(name.to_owned(), hash)]))))
    }

    /// It takes as long for an unknown name.
    fn is_right(&self, name: &str, password: &str) -> bool {
        let known = self.0.get(name);
        let Some(hash) = known.or_else(|| self.0.values().next()) else { return false };
        let Ok(hash) = PasswordHash::new(hash) else { return false };
        Argon2::default().verify_password(password.as_bytes(), &hash).is_ok() && known.is_some()
    }
}

#[derive(Deserialize)]
struct Login {
    name: String,
    password: String,
    remember: Option<String>,
}

async fn login(
    session: Session,
    State(users): State<Users>,
    headers: HeaderMap,
    Form(login): Form<Login>,
) -> Result<Response, SessionError> {
    let Login { name, password, remember } = login;
    // Hashing is work: not on the threads that answer requests.
    let checked = tokio::task::spawn_blocking({
        let name = name.clone();
        move || users.is_right(&name, &password)
    });
    if !checked.await.unwrap_or(false) {
        session.flash(Flash::new("error", "That was not right.")).await?;
        return Ok(Redirect::to("/").into_response());
    }
    // Whatever id the browser came with, this login has another one.
    session.rotate()?;
    session.set_principal(&name)?;
    let mut details = DeviceInfo::default();
    details.user_agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).map(str::to_owned);
    session.set_device(details)?;
    // For 30 days without a visit, or as the layer says and until the browser is closed.
    let day = Duration::from_secs(86_400);
    session.set_lifetime(remember.is_some().then(|| Lifetime::new(30 * day, Some(90 * day))))?;
    session.insert("user", &name).await?;
    session.flash(Flash::new("success", format!("Welcome, {name}."))).await?;
    Ok(Redirect::to("/").into_response())
}

async fn logout(session: Session) -> Result<Redirect, SessionError> {
    session.destroy()?;
    session.flash(Flash::new("success", "You are logged out.")).await?;
    Ok(Redirect::to("/"))
}

async fn home(session: Session) -> Result<Page, SessionError> {
    let messages = session.take_flashes().await?;
    let messages: String =
        messages.iter().map(|flash| format!("<p class={}>{}</p>", text(&flash.level), text(&flash.text))).collect();
    let body = match session.get::<String>("user").await? {
        Some(user) => format!(
            "<p>Hello, <b id=user>{}</b>. <a href=/devices>Your devices</a></p>\
             <form method=post action=/note><input name=key><input name=value><button>Note</button></form>\
             <form method=post action=/logout><button id=logout>Log out</button></form>",
            text(&user)
        ),
        None => "<form method=post action=/login>\
                 <input name=name placeholder=Name><input name=password type=password placeholder=Password>\
                 <label><input name=remember type=checkbox> Remember me</label><button id=login>Log in</button></form>"
            .to_owned(),
    };
    Ok(page(&format!("{messages}{body}")))
}

#[derive(Deserialize)]
struct Note {
    key: String,
    value: String,
}

/// Tabs that write different notes at once do not undo each other.
async fn note(session: Session, Form(note): Form<Note>) -> Result<Response, SessionError> {
    if user(&session).await?.is_none() {
        return Ok(StatusCode::UNAUTHORIZED.into_response());
    }
    session.insert(&format!("note:{}", note.key), note.value).await?;
    Ok(Redirect::to("/").into_response())
}

async fn notes(
    session: Session,
    axum::extract::Path(key): axum::extract::Path<String>,
) -> Result<String, SessionError> {
    Ok(session.get::<String>(&format!("note:{key}")).await?.unwrap_or_default())
}

async fn devices(session: Session, sessions: UserSessions) -> Result<Response, SessionError> {
    let Some(user) = user(&session).await? else { return Ok(Redirect::to("/").into_response()) };
    let row = |info: &SessionInfo| {
        let agent = text(info.device.user_agent.as_deref().unwrap_or("unknown"));
        let last = if info.is(&session) {
            "<td>this one".to_owned()
        } else {
            format!(
                "<td><form method=post action=/revoke><input type=hidden name=key value={}><button>End</button></form>",
                info.key.as_str()
            )
        };
        format!("<tr><td>{agent}{last}")
    };
    let rows: String = sessions.list(&user).await?.iter().map(row).collect();
    let others = "<form method=post action=/revoke-others><button>End all others</button></form>";
    Ok(page(&format!("<table id=devices>{rows}</table>{others}<a href=/>Home</a>")).into_response())
}

#[derive(Deserialize)]
struct Revoke {
    key: String,
}

async fn revoke(session: Session, sessions: UserSessions, Form(form): Form<Revoke>) -> Result<Response, SessionError> {
    let (Some(user), Some(key)) = (user(&session).await?, SessionKey::stored(&form.key)) else {
        return Ok(StatusCode::BAD_REQUEST.into_response());
    };
    sessions.revoke(&user, &key).await?;
    Ok(Redirect::to("/devices").into_response())
}

async fn revoke_others(session: Session, sessions: UserSessions) -> Result<Response, SessionError> {
    if let Some(user) = user(&session).await? {
        sessions.revoke_others(&user, &session).await?;
    }
    Ok(Redirect::to("/devices").into_response())
}

async fn user(session: &Session) -> Result<Option<String>, SessionError> {
    session.get("user").await
}

/// Not to be kept by the browser either: the back button after a logout would show it.
fn page(body: &str) -> Page {
    (
        [(header::CACHE_CONTROL, "no-store")],
        Html(format!("<!doctype html><meta charset=utf-8><title>UserSessions</title>{body}")),
    )
}

type Page = ([(header::HeaderName, &'static str); 1], Html<String>);

/// As text in HTML.
fn text(value: &str) -> String {
    value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::WARN).init();
    let upstash = Upstash::from_env_or_memory()?;
    let secure = std::env::var("SECURE").is_ok_and(|secure| !secure.is_empty());
    // Without TLS it may travel on this machine alone.
    let cookie = if secure { SessionCookie::default() } else { SessionCookie::local_development() };
    let sessions = upstash.session_layer().with_cookie(cookie);
    let app = Router::new()
        .route("/", get(home))
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/note", post(note))
        .route("/note/{key}", get(notes))
        .route("/devices", get(devices))
        .route("/revoke", post(revoke))
        .route("/revoke-others", post(revoke_others))
        .layer(sessions)
        // Forms of other sites are refused.
        .layer(CsrfLayer::new())
        .with_state(Users::with("ferris", "correct horse")?);
    let port = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(3000);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://localhost:{}", listener.local_addr()?.port());
    axum::serve(listener, app).await?;
    Ok(())
}
