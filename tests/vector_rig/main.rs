//! Vector as a vector store of rig, against a local server.
#![cfg(all(feature = "rig-0_44", feature = "local"))]

use axum_upstash::{
    local::{LocalVector, LocalVectorIndex},
    vector::{Filter, Include, Index, field, rig::UpstashVectorStore},
};
use futures_util::stream;
use rig_core_0_44::{
    Embed,
    driver::{Exchange, Local, Model, Opened, Opening, Step, Transport},
    embeddings::{EmbedError, Embedding, EmbeddingResponse, TextEmbedder},
    error::ProviderError,
    operation::Embedding as EmbeddingOperation,
    tool::PortableTool,
    vector_store::{
        InsertDocuments, VectorSearchRequest, VectorStoreError, VectorStoreIndex,
        request::{Filter as RigFilter, SearchFilter},
    },
    wire::Capabilities,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A model that knows three words.
#[derive(Clone, Copy)]
struct Words;

fn embedded(text: &str) -> Embedding {
    let vec = ["tea", "coffee", "water"].map(|word| f64::from(u8::from(text.contains(word))) + 0.01).to_vec();
    Embedding { document: text.to_owned(), vec }
}

impl Transport<Local<EmbeddingOperation>> for Words {
    fn send(&self, texts: Vec<String>, _: Exchange) -> Opening<Step<EmbeddingOperation>> {
        let response = EmbeddingResponse::new(texts.iter().map(|text| embedded(text)).collect());
        Opening::ready(Opened::new(stream::iter([Ok::<_, ProviderError>(Step::End(response))])))
    }
}

fn model() -> Model<Local<EmbeddingOperation>, Words> {
    Model::new(Local::new("words").with_capabilities(Capabilities::embedding(5, 3)), Words)
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Drink {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    name: String,
    cents: u32,
}

impl Embed for Drink {
    fn embed(&self, embedder: &mut TextEmbedder) -> Result<(), EmbedError> {
        embedder.embed(self.name.clone());
        Ok(())
    }
}

fn drinks() -> Vec<(Drink, Vec<Embedding>)> {
    [(Some("tea"), "green tea", 200), (Some("coffee"), "black coffee", 250), (None, "water", 0)]
        .map(|(id, name, cents)| {
            let drink = Drink { id: id.map(str::to_owned), name: name.to_owned(), cents };
            (drink, vec![embedded(name)])
        })
        .to_vec()
}

fn request(query: &str, samples: u64) -> VectorSearchRequest<Filter> {
    VectorSearchRequest::builder().query(query).samples(samples).build()
}

#[tokio::test]
async fn documents_are_found_by_a_model_of_rig() {
    let local = LocalVector::builder().index(LocalVectorIndex::dense("drinks", 3)).start().await.unwrap();
    let index: Index = Index::new(local.index_url("drinks").unwrap(), local.token()).unwrap();
    let store = UpstashVectorStore::new(&index, model());
    store.insert_documents(drinks()).await.unwrap();

    let found = store.top_n::<Drink>(request("a cup of coffee", 1)).await.unwrap();
    assert_eq!((found[0].id.as_str(), found[0].document.cents), ("coffee", 250));
    assert!(found[0].score > 0.99);
    let ids = store.top_n_ids(request("tea", 3)).await.unwrap();
    assert_eq!((ids.len(), ids[0].id.as_str()), (3, "tea"));
    // One without an id has a random one, and its text is kept.
    let stored = index.fetch(["tea"], Include::DATA).await.unwrap().remove(0).unwrap();
    assert_eq!(stored.data.as_deref(), Some("green tea"));

    let searched = async |filter: Filter| -> Vec<String> {
        let request = VectorSearchRequest::builder().query("tea").samples(10).filter(filter).build();
        store.top_n::<Drink>(request).await.unwrap().into_iter().map(|found| found.document.name).collect()
    };
    assert_eq!(searched(Filter::gt("cents", json!(0)).and(Filter::lt("cents", json!(250)))).await, ["green tea"]);
    let either = SearchFilter::or(Filter::eq("name", json!("water")), Filter::eq("id", json!("coffee")));
    let mut found = searched(either).await;
    found.sort();
    assert_eq!(found, ["black coffee", "water"]);
    // A filter of this crate is one of rig as well.
    assert_eq!(searched(field("name").glob("*tea")).await, ["green tea"]);
    assert_eq!(searched(RigFilter::Eq("name".to_owned(), json!("x' OR HAS FIELD name")).interpret()).await, [""; 0]);

    let request = VectorSearchRequest::builder().query("tea").samples(10).threshold(0.99).build();
    assert_eq!(store.top_n_ids(request).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_index_makes_the_vectors_if_it_has_a_model() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = Index::new(local.url(), local.token()).unwrap();
    let store = UpstashVectorStore::hosted(&index.namespace("drinks"));
    store.insert_documents(drinks()).await.unwrap();
    let found = store.top_n::<Drink>(request("black coffee", 1)).await.unwrap();
    assert_eq!((found[0].id.as_str(), found[0].score), ("coffee", 1.0));
    assert_eq!(index.info().await.unwrap().namespaces["drinks"].vector_count, 3);

    // As an agent calls it.
    let arguments = json!({"query": "tea", "samples": 2, "threshold": null, "filter": {"gt": ["cents", 100]}});
    let found = store.call(serde_json::from_value(arguments).unwrap()).await.unwrap();
    assert_eq!((found.len(), &found[0].document["name"]), (2, &json!("green tea")));
}

#[tokio::test]
async fn what_cannot_be_done_is_an_error() {
    let local = LocalVector::start().await.unwrap();
    let index: Index = Index::new(local.url(), local.token()).unwrap();
    let store = UpstashVectorStore::hosted(&index);
    let out = store.top_n::<Value>(request("tea", 1_001)).await.unwrap_err();
    assert!(matches!(out, VectorStoreError::SamplesOutOfRange { requested: 1_001, max: 1_000 }), "{out}");
    assert!(store.top_n::<Value>(request("tea", 0)).await.unwrap().is_empty());
    let filter = Filter::eq("name", json!(["secret"]));
    let request = VectorSearchRequest::builder().query("tea").samples(1).filter(filter).build();
    let error = store.top_n::<Value>(request).await.unwrap_err();
    assert!(matches!(error, VectorStoreError::DatastoreError(_)) && !format!("{error:?}").contains("secret"));

    struct Text;
    impl Serialize for Text {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_str("no object")
        }
    }
    impl Embed for Text {
        fn embed(&self, _: &mut TextEmbedder) -> Result<(), EmbedError> {
            Ok(())
        }
    }
    assert!(store.insert_documents(vec![(Text, vec![embedded("tea")])]).await.is_err());
    assert_eq!(local.requests(), 0);
    // A model of another dimension than the index.
    let error = UpstashVectorStore::new(&index, model()).insert_documents(drinks()).await.unwrap_err();
    assert!(error.to_string().contains("the vector has 3 dimensions, and the index 384"), "{error}");
}
