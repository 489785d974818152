//! A catalogue whose source is slow, and fails at times, behind typed caches.
//!
//! ```text
//! cargo run -p axum-upstash-examples --bin cache
//! ```
//!
//! Each line has the key, the value, its origin, and the time that it took. It runs in memory; with
//! `UPSTASH_REDIS_REST_URL` and `UPSTASH_REDIS_REST_TOKEN` (`upstash-local` prints them) in Redis as well.

use std::{
    error::Error,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum_upstash::{
    Upstash,
    cache::{Cache, CacheEvent, ComputeContext},
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Product {
    name: String,
    cents: u32,
}

/// A database that takes its time.
#[derive(Clone, Default)]
struct Database {
    is_down: Arc<AtomicBool>,
    tea_cents: Arc<Mutex<u32>>,
}

impl Database {
    /// A product; `None` if there is none of that name.
    async fn find(&self, name: &str) -> Result<Option<Product>, io::Error> {
        tokio::time::sleep(Duration::from_millis(200)).await;
        if self.is_down.load(Ordering::Relaxed) {
            return Err(io::Error::other("the database is down"));
        }
        let cents = 300 + *self.tea_cents.lock().unwrap_or_else(PoisonError::into_inner);
        Ok((name == "tea").then(|| Product { name: name.to_owned(), cents }))
    }
}

/// The last event of a cache, for the lines that are printed.
type LastEvent = Arc<Mutex<Option<CacheEvent>>>;

async fn ask(products: &Cache<str, Option<Product>>, database: &Database, last: &LastEvent, name: &'static str) {
    let database = database.clone();
    let begun = Instant::now();
    let find = async move |context: ComputeContext<Option<Product>>| {
        context.set_tags([format!("product:{name}"), "catalogue".to_owned()]);
        database.find(name).await
    };
    let found = products.get_or_compute(name, find).await;
    let event = last.lock().unwrap_or_else(PoisonError::into_inner).take();
    let shown = match found {
        Ok(Some(product)) => format!("{} for {} cents", product.name, product.cents),
        Ok(None) => "no such product".to_owned(),
        Err(error) => format!("an error: {error}"),
    };
    let from = event.map_or_else(|| "another call".to_owned(), |event| format!("{event:?}"));
    println!("{name:>8}  {shown:<28} {from:<16} {:>4} ms", begun.elapsed().as_millis());
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let upstash = Upstash::from_env_or_memory()?;
    let last = LastEvent::default();
    let noted = Arc::clone(&last);
    let products = upstash
        .cache::<str, Option<Product>>("products")
        .with_ttl(Duration::from_millis(500))
        .with_jitter(0.0)
        .with_none_ttl(Duration::from_millis(100))
        .with_stale_while_revalidate(Duration::from_millis(500))
        .with_stale_if_error(Duration::from_secs(60))
        .with_observer(move |_, event| *noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(event));
    products.clear().await?;
    let database = Database::default();
    let ask = async |name| ask(&products, &database, &last, name).await;
    let pause = async |milliseconds| tokio::time::sleep(Duration::from_millis(milliseconds)).await;

    println!("the first call computes, the next ones find it, and so it is with what is not there:");
    for name in ["tea", "tea", "coffee", "coffee"] {
        ask(name).await;
    }

    println!("ten calls at once compute once:");
    products.remove("tea").await?;
    let begun = Instant::now();
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let (products, database) = (products.clone(), database.clone());
            tokio::spawn(async move {
                let find = async move |context: ComputeContext<Option<Product>>| {
                    context.set_tags(["catalogue"]);
                    database.find("tea").await
                };
                products.get_or_compute("tea", find).await.is_ok()
            })
        })
        .collect();
    for call in calls {
        assert!(call.await?);
    }
    println!("          ten values in {} ms", begun.elapsed().as_millis());

    println!("the price changes, and the tag is invalidated:");
    *database.tea_cents.lock().unwrap_or_else(PoisonError::into_inner) = 50;
    products.invalidate_tags(["catalogue"]).await?;
    ask("tea").await;

    println!("a value that is a bit too old comes at once, and is refreshed in the background:");
    *database.tea_cents.lock().unwrap_or_else(PoisonError::into_inner) = 70;
    pause(600).await;
    ask("tea").await;
    pause(300).await;
    ask("tea").await;

    println!("the database is down: what is known is good enough, and the rest fails:");
    database.is_down.store(true, Ordering::Relaxed);
    pause(1_100).await;
    for name in ["tea", "tea", "cake"] {
        ask(name).await;
    }

    println!("another namespace has values of its own:");
    let visits = upstash.cache::<u64, u64>("visits");
    visits.set_many([(&1, 10), (&2, 20)]).await?;
    println!("          {:?}", visits.get_many([&1, &2, &3]).await);
    Ok(())
}
