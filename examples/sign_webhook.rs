//! Signs a body as QStash would, to call a webhook by hand. Prints the value of `Upstash-Signature`.
//!
//!     cargo run -p axum-upstash-examples --bin sign_webhook --features sign-webhook -- URL BODY [SECONDS [KEY]]
//!
//! URL is the address that QStash would call. The token is good for SECONDS from now (300; negative: expired), and is
//! signed with KEY, else `QSTASH_CURRENT_SIGNING_KEY`, else the public key of QStash's development server.

use axum_upstash::{env, qstash::Signer};
use std::time::SystemTime;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(url), Some(body)) = (args.next(), args.next()) else {
        return Err("usage: sign_webhook URL BODY [SECONDS [KEY]]".into());
    };
    let seconds: i64 = args.next().map_or(Ok(300), |seconds| seconds.parse())?;
    let key = args
        .next()
        .or_else(|| std::env::var(env::QSTASH_CURRENT_SIGNING_KEY.name).ok())
        .unwrap_or_else(|| "sig_7kYjw48mhY7kAjqNGcy6cr29RJ6r".to_owned());
    let now = i64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs())?;
    println!("{}", Signer::new(key)?.with_claim("exp", now + seconds).sign(&url, body));
    Ok(())
}
