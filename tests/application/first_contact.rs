//! README's first program, as copied, with the mistakes that first users make, and the text on their terminal.

use axum_upstash::local::LocalRedis;
use reqwest::{Client, StatusCode};
use std::{
    process::{Command, Output, Stdio},
    time::Duration,
};
use tokio::time::{Instant, sleep};

const DEADLINE: Duration = Duration::from_secs(20);
const URL: &str = "UPSTASH_REDIS_REST_URL";
const TOKEN: &str = "UPSTASH_REDIS_REST_TOKEN";

fn command(program: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(crate::programs::example(program));
    let ours = ["UPSTASH", "QSTASH", "REDIS", "SESSION_SECRET", "KV_", "RUST_LOG", "RUST_BACKTRACE"];
    for (name, _) in std::env::vars().filter(|(name, _)| ours.iter().any(|part| name.contains(part))) {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).env("NO_COLOR", "1").stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs a program that ends at once, and gives what it printed.
async fn fails(program: &str, variables: &[(&str, &str)]) -> String {
    let mut command = tokio::process::Command::from(command(program, variables));
    let output = tokio::time::timeout(DEADLINE, command.kill_on_drop(true).output()).await;
    let output = output.expect("it started in spite of the mistake").unwrap();
    assert_eq!(output.status.code(), Some(1));
    text_of(&output)
}

/// Starts a program, uses it as `with` says, ends it, and gives what it printed.
async fn prints(program: &str, variables: &[(&str, &str)], with: impl AsyncFnOnce(&Client, &str)) -> String {
    let address = format!("127.0.0.1:{}", crate::redis_server::free_port());
    let mut command = tokio::process::Command::from(command(program, variables));
    let mut child = command.env("ADDRESS", &address).kill_on_drop(true).spawn().unwrap();
    let (client, url) = (Client::builder().no_proxy().build().unwrap(), format!("http://{address}"));
    let begun = Instant::now();
    while client.get(format!("{url}/prices")).send().await.is_err() {
        assert!(begun.elapsed() < DEADLINE && child.try_wait().unwrap().is_none(), "it does not start");
        sleep(Duration::from_millis(10)).await;
    }
    with(&client, &url).await;
    child.start_kill().unwrap();
    text_of(&child.wait_with_output().await.unwrap())
}

async fn nothing(_: &Client, _: &str) {}

#[tokio::test]
async fn memory_is_said_with_and_without_a_log_and_so_is_a_variable_with_another_name() {
    for program in ["readme", "readme_without_log"] {
        let text = prints(program, &[], nothing).await;
        assert_eq!(text.matches("are kept in the memory of this process").count(), 1, "{program}: {text}");
        for (set, value) in [
            ("UPSTASH_REDIS_URL", "https://x.upstash.io"),
            ("REDIS_URL", "redis://127.0.0.1:6379"),
            ("UPSTASH_REDIS_REST_URI", "https://x.upstash.io"),
        ] {
            let text = prints(program, &[(set, value)], nothing).await;
            assert!(
                text.contains(&format!("{URL} (or KV_REST_API_URL) is not set ({set} is, and is not read)")),
                "{text}"
            );
            assert!(!text.contains(value), "{text}");
        }
    }
}

#[tokio::test]
async fn settings_that_cannot_be_right_are_all_named() {
    let quoted = [(URL, "\"https://x.upstash.io\""), (TOKEN, "\"secret\""), ("SESSION_SECRET", "'secret'")];
    let text = fails("readme_without_log", &quoted).await;
    for line in [&format!("{URL} contains"), &format!("{TOKEN} contains"), "SESSION_SECRET begins or ends with a quote"]
    {
        assert!(text.lines().any(|printed| printed.trim_start().starts_with(line)), "{line}: {text}");
    }
    let text = fails("readme", &[(URL, "redis://x:6379"), (TOKEN, "secret")]).await;
    assert!(text.contains("redis:// is for Redis over TCP"), "{text}");
    let text = fails("readme", &[(URL, "https://x.upstash.io")]).await;
    assert!(text.contains(&format!("{TOKEN} (or KV_REST_API_TOKEN) is not set, but {URL} is")), "{text}");
}

#[tokio::test]
async fn a_token_that_does_not_fit_is_named_at_start() {
    let local = LocalRedis::start().await.unwrap();
    let text = fails("readme_without_log", &[(URL, local.url()), (TOKEN, "wrong")]).await;
    assert!(text.contains(&format!("the token is not valid, see {TOKEN}")) && !text.contains("wrong"), "{text}");
    let text = fails("readme", &[(URL, local.url()), (TOKEN, local.read_only_token())]).await;
    assert!(text.contains("read-only cannot write") && text.contains(TOKEN), "{text}");
    let text = fails("readme", &[(URL, "http://127.0.0.1:1"), (TOKEN, "secret")]).await;
    assert!(text.contains(URL) && text.contains("no connection could be made"), "{text}");
}

#[tokio::test]
async fn a_layer_that_is_missing_is_named_in_the_answer() {
    let text = prints("readme_without_session_layer", &[], async |client, url| {
        let response = client.post(format!("{url}/cart")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = response.text().await.unwrap();
        assert_eq!(body.contains("SessionLayer"), cfg!(debug_assertions), "{body}");
    })
    .await;
    assert!(text.contains("SessionLayer has to be added"), "{text}");
}

#[tokio::test]
async fn a_session_that_is_lost_over_http_is_said_once() {
    let text = prints("readme", &[], async |client, url| {
        for _ in 0..5 {
            let response = client.post(format!("{url}/cart")).header("host", "lan.test").send().await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
        }
    })
    .await;
    assert_eq!(text.matches("SessionCookie::local_development()").count(), 1, "{text}");
}

#[tokio::test]
async fn a_webhook_without_keys_says_which_variables_are_missing() {
    let text = prints("readme", &[("QSTASH_SIGNING_KEY", "sig_x")], async |client, url| {
        let request = client.post(format!("{url}/webhooks/receipt")).header("upstash-signature", "a.b.c");
        let body = request.body("{}").send().await.unwrap().text().await.unwrap();
        let says_it = body.contains("QSTASH_CURRENT_SIGNING_KEY is not set (QSTASH_SIGNING_KEY is, and is not read)");
        assert_eq!(says_it, cfg!(debug_assertions), "{body}");
    })
    .await;
    assert!(text.contains("QSTASH_NEXT_SIGNING_KEY is not set"), "{text}");
}

/// Each crate that the program names is in README's list.
#[test]
fn the_dependencies_are_those_that_the_program_names() {
    let readme = include_str!("../../README.md");
    let block = |fence: &str| readme.split(fence).nth(1).and_then(|block| block.split("```").next()).unwrap();
    let (dependencies, program) = (block("```toml"), block("```rust"));
    for name in ["axum", "axum_upstash", "serde", "tokio", "tracing_subscriber"] {
        assert!(program.contains(&format!("{name}::")), "{name}");
        let package = name.replace('_', "-");
        assert!(dependencies.lines().any(|line| line.starts_with(&format!("{package} = "))), "{package}");
    }
}
