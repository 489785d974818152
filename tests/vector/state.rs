use axum::{
    Json, Router,
    extract::{FromRef, State},
    routing::get,
};
use axum_upstash::{
    ErrorKind, Upstash,
    local::LocalVector,
    vector::{Index, Query, Record},
};
use std::collections::HashMap;
use tower::ServiceExt;

#[derive(Clone)]
struct App {
    upstash: Upstash,
}

impl FromRef<App> for Upstash {
    fn from_ref(app: &App) -> Self {
        app.upstash.clone()
    }
}

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Article {
    title: String,
}

async fn search(State(articles): State<Index<Article>>) -> Result<Json<Vec<String>>, axum_upstash::Error> {
    let found = articles.query(Query::text("Japan")).await?;
    Ok(Json(found.into_iter().map(|found| found.id).collect()))
}

#[tokio::test]
async fn a_handler_finds_the_index_of_the_environment() {
    let local = LocalVector::start().await.unwrap();
    let variables: HashMap<_, _> = local.environment().into_iter().collect();
    let builder = axum_upstash::UpstashBuilder::from_env_with(|name| variables.get(name).cloned());
    let upstash = builder.or_memory().build().unwrap();
    assert!(upstash.check().await.unwrap().vector);
    let article = Article { title: "Japan".into() };
    upstash.vector().typed::<Article>().upsert(Record::text("japan", "Japan").metadata(article)).await.unwrap();
    let app = Router::new().route("/", get(search)).with_state(App { upstash });
    let answer = app.oneshot(http::Request::get("/").body(axum::body::Body::empty()).unwrap()).await.unwrap();
    let body = axum::body::to_bytes(answer.into_body(), 1_000).await.unwrap();
    assert_eq!(&body[..], br#"["japan"]"#);

    let index: Index = Index::from_env_with(|name| variables.get(name).cloned()).unwrap();
    assert_eq!(index.info().await.unwrap().vector_count, 1);
}

#[tokio::test]
async fn what_is_not_set_is_named() {
    let upstash = Upstash::builder().or_memory().build().unwrap();
    let error = upstash.vector().info().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    for name in ["UPSTASH_VECTOR_REST_URL", "UPSTASH_VECTOR_REST_TOKEN"] {
        assert!(error.to_string().contains(name), "{error}");
    }
    let error = Index::<Article>::from_env_with(|_| None).unwrap_err();
    assert!(error.to_string().starts_with("2 problems:\n  UPSTASH_VECTOR_REST_URL"), "{error}");
    let half = |name: &str| (name == "UPSTASH_VECTOR_REST_URL").then(|| "https://x.upstash.io".to_owned());
    let error = Index::<Article>::from_env_with(half).unwrap_err();
    assert_eq!(error.to_string(), "UPSTASH_VECTOR_REST_TOKEN is not set");
    let builder = axum_upstash::UpstashBuilder::from_env_with(half).or_memory();
    assert!(builder.build().unwrap_err().to_string().contains("UPSTASH_VECTOR_REST_TOKEN"));
    // As the official SDKs have it.
    let public = |name: &str| match name {
        "NEXT_PUBLIC_UPSTASH_VECTOR_REST_URL" => Some("https://x.upstash.io".to_owned()),
        "NEXT_PUBLIC_UPSTASH_VECTOR_REST_TOKEN" => Some("secret".to_owned()),
        _ => None,
    };
    let index: Index = Index::from_env_with(public).unwrap();
    assert!(!format!("{index:?}").contains("secret"));
}

#[tokio::test]
async fn bad_credentials_are_found_at_start() {
    let local = LocalVector::start().await.unwrap();
    let upstash = Upstash::builder().or_memory().vector(local.url(), "wrong").build().unwrap();
    let error = upstash.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(error.to_string().contains("UPSTASH_VECTOR_REST_TOKEN") && !error.to_string().contains("wrong"), "{error}");
}
