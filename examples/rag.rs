//! Answers from a folder of text files: the passages of the files are stored with their vectors, and a question is answered by
//! the nearest ones, to read or to hand to a language model.
//!
//! ```text
//! cargo run -p axum-upstash-examples --features rag --bin rag
//! cargo run -p axum-upstash-examples --features rag --bin rag -- "How hot should the water be?" [folder]
//! ```
//!
//! It needs no account: a local Vector in this process makes the vectors of the texts by the words that they share. With
//! `UPSTASH_VECTOR_REST_URL` and `UPSTASH_VECTOR_REST_TOKEN` of an index with an embedding model it uses that one.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use axum_upstash::{
    local::LocalVector,
    vector::{Include, Index, Match, Query, Record, field},
};
use serde::{Deserialize, Serialize};

/// The origin of a passage.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Passage {
    file: String,
    title: String,
    words: usize,
}

const QUESTIONS: [&str; 3] =
    ["How hot should the water for green tea be?", "When is the shop open?", "How many grams of coffee for a litre?"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let question = arguments.next();
    let folder = arguments.next().map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("rag"), PathBuf::from);

    // Dropping it would stop it.
    let (index, _local) = index().await?;
    let passages = index.namespace("rag-example");
    passages.reset().await?;

    let records = read(&folder)?;
    let stored = passages.upsert_all(records).await?;
    passages.wait_until_indexed(Duration::from_secs(30)).await?;
    println!("{stored} passages of {}", folder.display());

    let questions = question.map_or_else(|| QUESTIONS.map(str::to_owned).to_vec(), |question| vec![question]);
    for question in questions {
        println!("\n> {question}");
        for (place, found) in (1..).zip(ask(&passages, &question).await?) {
            let Some(Passage { file, title, .. }) = found.metadata else { continue };
            let text = found.data.unwrap_or_default().replace('\n', " ");
            println!("  [{place}] {:.3} {file}, {title}: {text}", found.score);
        }
    }
    Ok(())
}

/// The index of the environment, or one in this process.
async fn index() -> Result<(Index<Passage>, Option<LocalVector>), Box<dyn Error>> {
    if std::env::var_os("UPSTASH_VECTOR_REST_URL").is_some() {
        return Ok((Index::from_env()?, None));
    }
    let local = LocalVector::start().await?;
    Ok((Index::new(local.url(), local.token())?, Some(local)))
}

/// The passages of all text files of a folder. A line by itself is the title of the passages after it.
fn read(folder: &Path) -> io::Result<Vec<Record<Passage>>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt" || extension == "md"));
    paths.sort();
    let mut records = Vec::new();
    for path in paths {
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut title = String::new();
        let text = fs::read_to_string(&path)?;
        for (at, passage) in text.split("\n\n").map(str::trim).filter(|passage| !passage.is_empty()).enumerate() {
            let words = passage.split_whitespace().count();
            if words <= 5 {
                passage.clone_into(&mut title);
                continue;
            }
            let metadata = Passage { file: file.clone(), title: title.clone(), words };
            // The title is part of what the passage is found by.
            records.push(Record::text(format!("{file}-{at}"), format!("{title}: {passage}")).metadata(metadata));
        }
    }
    Ok(records)
}

/// The passages that are nearest to a question.
async fn ask(passages: &Index<Passage>, question: &str) -> Result<Vec<Match<Passage>>, axum_upstash::Error> {
    let query = Query::text(question).top_k(2).filter(field("words").ge(6)).include(Include::METADATA | Include::DATA);
    passages.query(query).await
}
