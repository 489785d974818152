//! Searches through many vectors of a local Vector, over HTTP, beside numpy and `hnsw_rs`; and the client beside
//! `@upstash/vector` on Node.js.

mod clients;
mod random;
mod search;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve"] => clients::serve().await,
        ["clients"] => clients::compare().await,
        ["search"] => search::compare(&[100_000]).await,
        ["search", "large"] => search::compare(&[100_000, 1_000_000]).await,
        ["graph"] => search::graph(20_000).await,
        _ => eprintln!("vector-bench search [large] | graph | clients"),
    }
}
