//! Indexes that come and go: a part of the Developer API
//! ([Create index](https://upstash.com/docs/devops/developer-api/vector/create_index)), and the file of indexes, which
//! has the same fields.

use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    api::Reply,
    index::{Index, IndexKind, LocalVectorIndex},
    indexes::Indexes,
    refusal::Refusal,
    score::Similarity,
};
use crate::local::{
    http::{basic, bearer},
    secret::Secret,
};

/// The path of the API.
const PATH: &str = "/v2/vector/index";

/// An index as it is described.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    name: String,
    #[serde(default)]
    index_type: Option<String>,
    #[serde(default)]
    dimension_count: Option<usize>,
    #[serde(default)]
    similarity_function: Option<String>,
    #[serde(default)]
    embedding_model: Option<String>,
    #[serde(default)]
    sparse_embedding_model: Option<String>,
    #[serde(default)]
    token: Option<Secret>,
    #[serde(default)]
    read_only_token: Option<Secret>,
    /// The service has them, and they change nothing here.
    #[serde(default, rename = "region")]
    _region: Option<String>,
    #[serde(default, rename = "type")]
    _plan: Option<String>,
}

/// The models that the service has, with their dimensions.
const MODELS: [(&str, usize); 4] =
    [("BGE_SMALL_EN_V1_5", 384), ("BGE_BASE_EN_V1_5", 768), ("BGE_LARGE_EN_V1_5", 1024), ("BGE_M3", 1024)];

impl Description {
    fn settings(self) -> Result<LocalVectorIndex, String> {
        let kind = match self.index_type.as_deref() {
            None => IndexKind::Dense,
            Some(name) => {
                let known = IndexKind::ALL.into_iter().find(|kind| kind.name() == name);
                known.ok_or("index_type must be DENSE, SPARSE or HYBRID")?
            }
        };
        let model = |name: Option<String>| name.filter(|name| !matches!(name.as_str(), "" | "NONE" | "CUSTOM"));
        let dense_model = model(self.embedding_model).filter(|_| kind.has_dense());
        let sparse_model = model(self.sparse_embedding_model).filter(|_| kind.has_sparse());
        let of_model = dense_model.as_ref().and_then(|name| MODELS.iter().find(|(known, _)| known == name));
        let dimension = self.dimension_count.filter(|count| *count > 0).or(of_model.map(|(_, dimension)| *dimension));
        let dimension = match (kind.has_dense(), dimension) {
            (false, _) => 0,
            (true, dimension) => dimension.ok_or("dimension_count is missing")?,
        };
        let similarity = match self.similarity_function.as_deref() {
            None | Some("") => Similarity::default(),
            Some(name) => {
                Similarity::of_name(name).ok_or("similarity_function must be COSINE, EUCLIDEAN or DOT_PRODUCT")?
            }
        };
        let mut settings = LocalVectorIndex::new(self.name, kind, dimension).similarity(similarity);
        (settings.token, settings.read_only_token) = (self.token, self.read_only_token);
        Ok(settings.models(dense_model, sparse_model))
    }
}

/// Reads a file of indexes: a JSON list, or an object with the list `indexes`.
///
/// # Errors
/// If it is no such file. The text has the place, and no value.
pub(super) fn read_file(text: &str) -> Result<Vec<LocalVectorIndex>, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        indexes: Vec<Description>,
    }
    let is_list = text.trim_start().starts_with('[');
    let read =
        if is_list { serde_json::from_str(text) } else { serde_json::from_str(text).map(|File { indexes }| indexes) };
    let indexes = read.map_err(|error| without_values(&error))?;
    let settings = |(at, index): (usize, Description)| index.settings().map_err(|why| format!("index {at}: {why}"));
    indexes.into_iter().enumerate().map(settings).collect()
}

/// The text of an error without what was read, which may be a token: the names of fields stay.
fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let is_of_fields =
        ["unknown field", "missing field", "duplicate field"].iter().any(|start| text.starts_with(start));
    if is_of_fields {
        return text;
    }
    let what = match error.classify() {
        serde_json::error::Category::Data => "a value of another type",
        serde_json::error::Category::Eof => "the end is missing",
        _ => "no JSON",
    };
    format!("{what} at line {} column {}", error.line(), error.column())
}

/// A request of the API.
pub(super) struct Call<'a> {
    pub(super) method: &'a Method,
    pub(super) path: &'a str,
    pub(super) body: &'a [u8],
}

/// Whether a path is one of the API.
pub(super) fn is_path(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a request may use the API. Its user may have any address, and has the token of the server as key.
pub(super) fn authorize(indexes: &Indexes, headers: &HeaderMap) -> Result<(), Refusal> {
    let is_allowed = key(headers).is_some_and(|key| indexes.token.matches(&key));
    if is_allowed { Ok(()) } else { Err(Refusal::new(401, "Unauthorized")) }
}

/// Answers a request of the API.
pub(super) fn answer(indexes: &Indexes, url: &str, call: &Call<'_>) -> Result<Reply, Refusal> {
    let name = call.path.strip_prefix(PATH).unwrap_or_default().trim_matches('/');
    let known = || indexes.get(name).ok_or_else(|| Refusal::not_found("there is no such index"));
    match (call.method, name) {
        (&Method::GET, "") => {
            let all: Vec<Value> = indexes.all().iter().map(|index| describe(indexes, url, index)).collect();
            Ok(Reply::json(StatusCode::OK, &all))
        }
        (&Method::POST, "") => {
            let description: Description = serde_json::from_slice(call.body)
                .map_err(|error| Refusal::invalid(format!("the body is not an index: {}", without_values(&error))))?;
            let settings = description.settings().map_err(Refusal::invalid)?;
            let name = settings.name.clone();
            indexes.add(settings).map_err(|error| Refusal::invalid(error.to_string()))?;
            let index = indexes.get(&name).ok_or_else(|| Refusal::new(500, "the index is gone"))?;
            Ok(Reply::json(StatusCode::OK, &describe(indexes, url, &index)))
        }
        (&Method::GET, _) => Ok(Reply::json(StatusCode::OK, &describe(indexes, url, &*known()?))),
        (&Method::DELETE, name) if !name.is_empty() => {
            known()?;
            indexes.remove(name);
            Ok(Reply::json(StatusCode::OK, &"OK"))
        }
        _ => Err(Refusal::new(405, "the method is not allowed")),
    }
}

fn describe(indexes: &Indexes, url: &str, index: &Index) -> Value {
    let settings = &index.settings;
    let token = settings.token.as_ref().unwrap_or(&indexes.token);
    let limits = &indexes.shared.limits;
    json!({
        "id": settings.name,
        "name": settings.name,
        "customer_id": "local",
        "region": "local",
        "type": "paid",
        "endpoint": if settings.name.is_empty() { url.to_owned() } else { format!("{url}/{}", settings.name) },
        "token": token.expose(),
        "read_only_token": settings.read_only_token.as_ref().map(Secret::expose),
        "index_type": settings.kind.name(),
        "dimension_count": settings.dimension,
        "similarity_function": settings.similarity.name(),
        "embedding_model": settings.dense_model,
        "sparse_embedding_model": settings.sparse_model,
        "max_daily_queries": limits.daily_queries,
        "max_daily_updates": limits.daily_updates,
        "max_reads_per_request": limits.top_k,
        "max_writes_per_request": limits.batch,
        "max_total_metadata_size": limits.metadata_bytes,
    })
}

/// The key of Basic credentials, or a bearer token.
fn key(headers: &HeaderMap) -> Option<Vec<u8>> {
    let bearer = bearer(headers).map(|token| token.as_bytes().to_owned());
    bearer.or_else(|| basic(headers).map(|(_, key)| key))
}

#[cfg(test)]
mod tests {
    use super::read_file;

    #[test]
    fn a_file_has_indexes_or_says_why_not() {
        let text = r#"{"indexes": [
            {"name": "a", "dimension_count": 3, "similarity_function": "EUCLIDEAN", "token": "secret"},
            {"name": "b", "index_type": "SPARSE", "sparse_embedding_model": "BM25"},
            {"name": "c", "index_type": "HYBRID", "embedding_model": "BGE_M3", "sparse_embedding_model": "BGE_M3"}
        ]}"#;
        let indexes = read_file(text).unwrap();
        let found: Vec<_> =
            indexes.iter().map(|index| (index.name.as_str(), index.dimension, index.embeds())).collect();
        assert_eq!(found, [("a", 3, false), ("b", 0, true), ("c", 1024, true)]);
        assert!(!format!("{indexes:?}").contains("secret"));
        for (text, reason) in [
            ("[", "the end is missing"),
            (r#"[{"name": "a"}]"#, "index 0: dimension_count is missing"),
            (r#"[{"name": "a", "index_type": "BOTH"}]"#, "index 0: index_type must be"),
            (r#"[{"name": "a", "dimension_count": 3, "similarity_function": "L2"}]"#, "similarity_function must be"),
            (r#"[{"name": "a", "dimensions": 3}]"#, "unknown field `dimensions`"),
            (r#"[{"name": "a", "token": 12345678}]"#, "a value of another type at line 1 column"),
        ] {
            let error = read_file(text).unwrap_err();
            assert!(error.contains(reason) && !error.contains("12345678"), "{error}");
        }
    }
}
