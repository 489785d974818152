use axum::{Router, body::Body, extract::State, routing::get};
use axum_upstash::{
    ErrorKind, Upstash,
    client_ip::{ClientIp, ClientIpSource},
    local::LocalRedis,
    qstash::{Message, QStashClient, Receiver},
    ratelimit::FixedWindow,
    redis::Redis,
};
use http::Request;
use std::{collections::BTreeMap, time::Duration};
use tower::ServiceExt;

fn upstash(variables: &[(&str, &str)]) -> Result<Upstash, axum_upstash::Error> {
    let variables: BTreeMap<_, _> = variables.iter().copied().collect();
    Upstash::from_env_with(|name| variables.get(name).map(|&value| value.to_owned()))
}

const REDIS: [(&str, &str); 2] =
    [("UPSTASH_REDIS_REST_URL", "https://x.upstash.io"), ("UPSTASH_REDIS_REST_TOKEN", "secret-token-1")];

#[test]
fn all_problems_are_told_at_once_by_name_and_without_values() {
    let error = upstash(&[
        ("UPSTASH_REDIS_REST_URL", "secret-1"),
        ("UPSTASH_REDIS_REST_TOKEN", "secret 2"),
        ("SESSION_SECRET", "secret-3"),
        ("QSTASH_TOKEN", "secret\n4"),
        ("QSTASH_CURRENT_SIGNING_KEY", "secret-5"),
    ])
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let text = format!("{error} {error:?}");
    for name in ["UPSTASH_REDIS_REST_URL", "SESSION_SECRET", "QSTASH_TOKEN", "QSTASH_NEXT_SIGNING_KEY"] {
        assert!(text.contains(name), "{name} is not in: {text}");
    }
    assert!(!text.contains("secret-") && !text.contains("secret 2"), "{text}");
}

#[test]
fn each_problem_is_told() {
    let with = |extra: &[(&'static str, &'static str)]| upstash(&[&REDIS, extra].concat());
    assert!(with(&[]).is_ok());
    for (variables, wanted) in [
        (vec![], "UPSTASH_REDIS_REST_URL (or KV_REST_API_URL) is not set"),
        (vec![REDIS[0]], "UPSTASH_REDIS_REST_TOKEN (or KV_REST_API_TOKEN) is not set, but UPSTASH_REDIS_REST_URL is"),
        (vec![REDIS[1]], "UPSTASH_REDIS_REST_URL (or KV_REST_API_URL) is not set, but UPSTASH_REDIS_REST_TOKEN is"),
        (vec![REDIS[0], ("UPSTASH_REDIS_REST_TOKEN", "https://a")], "UPSTASH_REDIS_REST_TOKEN is a URL"),
        (vec![REDIS[0], ("UPSTASH_REDIS_REST_TOKEN", "\"quoted\"")], "UPSTASH_REDIS_REST_TOKEN contains"),
        (vec![("UPSTASH_REDIS_REST_URL", "redis://a"), REDIS[1]], "UPSTASH_REDIS_REST_URL must begin with https://"),
        (vec![("UPSTASH_REDIS_REST_URL", ""), REDIS[1]], "is not set"),
    ] {
        let error = upstash(&variables).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error} does not say: {wanted}");
    }
    assert!(with(&[("SESSION_SECRET", "short")]).unwrap_err().to_string().contains("SESSION_SECRET: "));
    assert!(with(&[("QSTASH_CURRENT_SIGNING_KEY", "a b"), ("QSTASH_NEXT_SIGNING_KEY", "c")]).is_err());
    assert!(with(&[("QSTASH_URL", "nonsense"), ("QSTASH_TOKEN", "t")]).is_err());
}

/// Each of these was hidden behind the first.
#[test]
fn all_problems_means_all() {
    let error = upstash(&[
        ("UPSTASH_REDIS_REST_URL", "\"https://x.upstash.io\""),
        ("UPSTASH_REDIS_REST_TOKEN", "\"quoted\""),
        ("SESSION_REDIS_REST_URL", "nonsense"),
        ("SESSION_REDIS_REST_TOKEN", "https://swapped.upstash.io"),
        ("SESSION_SECRET", "'a secret in quotes that is long enough'"),
        ("QSTASH_URL", "ftp://x"),
        ("QSTASH_TOKEN", "two words"),
        ("QSTASH_CURRENT_SIGNING_KEY", "\"a\""),
        ("QSTASH_NEXT_SIGNING_KEY", "b c"),
    ])
    .unwrap_err()
    .to_string();
    for name in [
        "UPSTASH_REDIS_REST_URL contains",
        "UPSTASH_REDIS_REST_TOKEN contains",
        "SESSION_REDIS_REST_URL is not a URL",
        "SESSION_REDIS_REST_TOKEN is a URL",
        "SESSION_SECRET begins or ends with a quote",
        "QSTASH_URL must begin",
        "QSTASH_TOKEN contains",
        "QSTASH_CURRENT_SIGNING_KEY contains",
        "QSTASH_NEXT_SIGNING_KEY contains",
    ] {
        assert!(error.contains(name), "{name} is not in: {error}");
    }
    assert!(error.starts_with("9 problems:"), "{error}");
    let error = Upstash::builder().or_memory().public_url("nonsense").build().unwrap_err();
    assert!(error.to_string().contains("public URL"), "{error}");
}

#[test]
fn a_variable_that_looks_like_one_that_is_read_is_named() {
    for (set, read) in [
        (
            vec![("UPSTASH_REDIS_URL", "https://secret-1"), ("UPSTASH_REDIS_TOKEN", "secret-2")],
            "UPSTASH_REDIS_REST_URL",
        ),
        (vec![("REDIS_URL", "redis://secret-1")], "UPSTASH_REDIS_REST_URL"),
        (vec![REDIS[0], ("UPSTASH_REDIS_TOKEN", "secret-2")], "UPSTASH_REDIS_REST_TOKEN"),
    ] {
        let error = upstash(&set).unwrap_err().to_string();
        let (looks_like, _) = set.last().unwrap();
        assert!(error.contains(&format!("({looks_like} is, and is not read)")), "{error}");
        assert!(error.contains(&format!("{read} (or ")) && !error.contains("secret"), "{error}");
    }
    let redis_over_tcp = upstash(&[("UPSTASH_REDIS_REST_URL", "redis://x:6379"), REDIS[1]]).unwrap_err();
    assert!(redis_over_tcp.to_string().contains("redis:// is for Redis over TCP"), "{redis_over_tcp}");
}

/// All that an application with a state of its own writes.
#[derive(Clone)]
struct App {
    upstash: Upstash,
}

impl axum::extract::FromRef<App> for Upstash {
    fn from_ref(app: &App) -> Self {
        app.upstash.clone()
    }
}

/// A state with a client of its own, and no `Upstash`.
#[derive(Clone)]
struct Small {
    receiver: Receiver,
}

impl axum::extract::FromRef<Small> for Receiver {
    fn from_ref(state: &Small) -> Self {
        state.receiver.clone()
    }
}

#[tokio::test]
async fn an_upstash_in_the_state_serves_every_extractor() {
    use axum_upstash::qstash::{QStash, Signer, VerifiedMessage};
    let keys = ("sig_current", "sig_next");
    let upstash = Upstash::builder().or_memory().qstash_signing_keys(keys.0, keys.1);
    let upstash = upstash.client_ip(ClientIpSource::x_forwarded_for(1)).build().unwrap();
    let handler = |State(_): State<Redis>,
                   State(_): State<QStashClient>,
                   State(_): State<Receiver>,
                   State(_): State<ClientIpSource>,
                   ClientIp(ip): ClientIp,
                   message: VerifiedMessage<String>| async move { format!("{ip} {}", message.body) };
    let app = Router::new().route("/", axum::routing::post(handler)).with_state(App { upstash });
    let small = Router::new().route("/", axum::routing::post(|body: QStash<String>| async move { body.0 }));
    let small = small.with_state(Small { receiver: Receiver::new(keys.0, keys.1).unwrap() });
    for (app, wanted) in [(app, "203.0.113.7 x"), (small, "x")] {
        let request = Request::post("/").header("x-forwarded-for", "203.0.113.7");
        let signature = Signer::new(keys.0).unwrap().sign("https://app.example.com/", "x");
        let request = request.header("upstash-signature", signature).body(Body::from("x")).unwrap();
        assert_eq!(crate::support::text(app.oneshot(request).await.unwrap()).await, wanted);
    }
}

#[test]
fn half_a_configuration_is_no_reason_for_memory() {
    let half = axum_upstash::UpstashBuilder::from_env_with(|name| (name == REDIS[0].0).then(|| REDIS[0].1.to_owned()));
    assert!(half.or_memory().build().is_err());
    assert!(Upstash::builder().or_memory().build().unwrap().is_memory());
}

#[tokio::test]
async fn the_second_names_of_variables_are_read() {
    let local = LocalRedis::start().await.unwrap();
    let upstash = upstash(&[("KV_REST_API_URL", local.url()), ("KV_REST_API_TOKEN", local.token())]).unwrap();
    assert_eq!(upstash.redis().incr("n").await.unwrap(), 1);
    assert!(!format!("{upstash:?}").contains(local.token()));
}

#[tokio::test]
async fn what_is_not_configured_says_what_to_set_when_it_is_used() {
    let upstash = Upstash::builder().or_memory().build().unwrap();
    let error = upstash.redis().get::<Option<String>>("k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("UPSTASH_REDIS_REST_URL"), "{error}");
    let error = upstash.qstash().publish(Message::to_url("https://example.com/")).await.unwrap_err();
    assert!(error.to_string().contains("QSTASH_TOKEN"), "{error}");
}

#[tokio::test]
async fn every_client_comes_out_of_the_state() {
    let local = LocalRedis::start().await.unwrap();
    let upstash = Upstash::builder()
        .redis(local.url(), local.token())
        .client_ip(ClientIpSource::x_forwarded_for(1))
        .build()
        .unwrap();
    let handler =
        |State(redis): State<Redis>,
         State(_): State<QStashClient>,
         State(_): State<Receiver>,
         State(_): State<Upstash>,
         ClientIp(ip): ClientIp| async move { format!("{ip} {}", redis.incr("n").await.unwrap()) };
    let app = Router::new().route("/", get(handler)).with_state(upstash);
    let request = Request::get("/").header("x-forwarded-for", "203.0.113.7").body(Body::empty()).unwrap();
    assert_eq!(crate::support::text(app.oneshot(request).await.unwrap()).await, "203.0.113.7 1");
}

#[tokio::test]
async fn limiters_in_memory_share_their_counts_as_in_one_database() {
    let upstash = Upstash::builder().or_memory().build().unwrap();
    let window = FixedWindow::new(2, Duration::from_secs(3600));
    assert_eq!(upstash.ratelimit(window).limit("a").await.unwrap().remaining, 1);
    assert_eq!(upstash.ratelimit(window).limit("a").await.unwrap().remaining, 0);
    assert_eq!(upstash.ratelimit(window).with_prefix("other").limit("a").await.unwrap().remaining, 1);
}

#[tokio::test]
async fn a_session_of_one_namespace_is_nothing_in_another() {
    use crate::support::{cookie, text};
    use axum_upstash::session::{Session, SessionError};
    let local = LocalRedis::start().await.unwrap();
    let app = |namespace: &str| {
        let upstash = Upstash::builder().redis(local.url(), local.token()).namespace(namespace).build().unwrap();
        let login = |session: Session| async move { session.insert("user", "ferris").await };
        let me = |session: Session| async move {
            Ok::<_, SessionError>(session.get::<String>("user").await?.unwrap_or_else(|| "nobody".to_owned()))
        };
        Router::new().route("/", get(me).post(login)).layer(upstash.session_layer())
    };
    let response = app("shop").oneshot(Request::post("/").body(Body::empty()).unwrap()).await.unwrap();
    let cookie = cookie(&response).unwrap();
    for (namespace, wanted) in [("shop", "ferris"), ("admin", "nobody")] {
        let request = Request::get("/").header("cookie", &cookie).body(Body::empty()).unwrap();
        assert_eq!(text(app(namespace).oneshot(request).await.unwrap()).await, wanted);
    }
}

#[tokio::test]
async fn sessions_may_have_a_database_of_their_own() {
    use axum_upstash::session::Session;
    let (local, sessions) = (LocalRedis::start().await.unwrap(), LocalRedis::start().await.unwrap());
    let upstash = upstash(&[
        ("UPSTASH_REDIS_REST_URL", local.url()),
        ("UPSTASH_REDIS_REST_TOKEN", local.token()),
        ("SESSION_REDIS_REST_URL", sessions.url()),
        ("SESSION_REDIS_REST_TOKEN", sessions.token()),
    ])
    .unwrap();
    let app = Router::new()
        .route("/", get(|session: Session| async move { session.insert("a", 1).await }))
        .layer(upstash.session_layer());
    app.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    let size = async |local: &LocalRedis| {
        let redis = Redis::new(local.url(), local.token()).unwrap();
        redis.cmd("DBSIZE").query::<u64>().await.unwrap()
    };
    assert_eq!((size(&local).await, size(&sessions).await), (0, 1));
}

#[test]
fn one_half_of_the_sessions_database_is_a_problem() {
    let error = upstash(&[&REDIS[..], &[("SESSION_REDIS_REST_URL", "https://a.upstash.io")]].concat()).unwrap_err();
    assert!(error.to_string().contains("SESSION_REDIS_REST_TOKEN is not set"), "{error}");
}

/// Which of several databases an application gets, from what is set.
#[tokio::test]
async fn rest_wins_over_redis_url_which_is_read_if_asked_for() {
    use axum_upstash::UpstashBuilder;
    let server = crate::redis_server::RedisServer::start();
    let (local, rest) = crate::support::upstash().await;
    let (tcp, url, token) = (server.url(), local.url().to_owned(), local.token().to_owned());
    let both = |name: &str| match name {
        "UPSTASH_REDIS_REST_URL" => Some(url.clone()),
        "UPSTASH_REDIS_REST_TOKEN" => Some(token.clone()),
        "REDIS_URL" => Some(tcp.clone()),
        _ => None,
    };
    let only_tcp = |name: &str| both(name).filter(|_| name == "REDIS_URL");
    // A database is known by what is in it.
    Redis::tcp(&tcp).build().unwrap().set("which", "tcp").await.unwrap();
    rest.set("which", "rest").await.unwrap();
    let which = |builder: UpstashBuilder| async move {
        let upstash = builder.or_memory().build().unwrap();
        upstash.check().await.unwrap();
        if upstash.is_memory() { "memory".to_owned() } else { upstash.redis().get::<String>("which").await.unwrap() }
    };
    assert_eq!(which(UpstashBuilder::from_env_with(both).or_redis_url()).await, "rest");
    assert_eq!(which(UpstashBuilder::from_env_with(only_tcp).or_redis_url()).await, "tcp");
    assert_eq!(which(UpstashBuilder::from_env_with(only_tcp)).await, "memory");
    assert_eq!(which(Upstash::builder().redis_tcp(&tcp)).await, "tcp");

    let error = Upstash::builder().redis_tcp("http://s3cret").build().unwrap_err();
    assert!(error.to_string().contains("REDIS_URL") && !format!("{error:?}").contains("s3cret"), "{error:?}");
}

/// QStash as far as the check asks it.
async fn qstash_keys(accepts: &'static str) -> String {
    let keys = move |headers: http::HeaderMap| async move {
        let is_right = headers["authorization"] == format!("Bearer {accepts}");
        let wrong = (http::StatusCode::UNAUTHORIZED, r#"{"error":"invalid token"}"#);
        if is_right { (http::StatusCode::OK, r#"{"current":"a","next":"b"}"#) } else { wrong }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/v2/keys", get(keys))).await });
    url
}

#[tokio::test]
async fn a_check_finds_what_is_wrong_at_start_and_names_the_setting() {
    let (local, redis) = crate::support::upstash().await;
    let qstash = qstash_keys("right").await;
    let with = |url: &str, token: &str| Upstash::builder().redis(url, token).qstash_url(&qstash);
    let right = with(local.url(), local.token()).qstash_token("right").build().unwrap();
    let (found, before) = (right.check().await.unwrap(), local.requests());
    let database = found.redis.unwrap();
    assert_eq!((database.evicts(), found.session_redis, found.qstash), (Some(false), None, true));
    right.check().await.unwrap();
    assert_eq!(local.requests() - before, 2, "round trips");
    let left: i64 = redis.cmd("PTTL").key("axum-upstash:check").query().await.unwrap();
    assert!(left != -1, "the key that was written expires");

    for (url, token, kind, parts) in [
        (local.url(), "wrong", ErrorKind::Unauthorized, &["UPSTASH_REDIS_REST_TOKEN", "not valid"][..]),
        (local.url(), local.read_only_token(), ErrorKind::Forbidden, &["UPSTASH_REDIS_REST_TOKEN", "read-only"]),
        ("http://127.0.0.1:1", "t", ErrorKind::Connect, &["UPSTASH_REDIS_REST_URL", "no connection"]),
    ] {
        let error = with(url, token).qstash_token("right").build().unwrap().check().await.unwrap_err();
        assert_eq!((error.kind(), error.is_outage()), (kind, kind == ErrorKind::Connect));
        let text = format!("{error:?}");
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
    let both = with("http://127.0.0.1:1", "t").qstash_token("wrong").build().unwrap().check().await.unwrap_err();
    assert_eq!(both.kind(), ErrorKind::Unauthorized, "a mistake is no outage");
    // Every product at once.
    let all = with(local.url(), "wrong").session_redis(local.url(), "wrong, too").qstash_token("wrong");
    assert!(all.clone().build().is_err(), "a token has no spaces");
    let all = all.session_redis(local.url(), "also-wrong").build().unwrap();
    let text = all.check().await.unwrap_err().to_string();
    for name in ["UPSTASH_REDIS_REST_TOKEN", "SESSION_REDIS_REST_TOKEN", "QSTASH_TOKEN"] {
        assert!(text.contains(name), "{name}: {text}");
    }
    assert_eq!(Upstash::builder().or_memory().build().unwrap().check().await.unwrap(), Default::default());
}
