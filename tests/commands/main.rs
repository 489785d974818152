//! Every command: its bytes, and its effect on a real Redis by each transport.
#![cfg(feature = "full")]
#![allow(missing_docs, missing_debug_implementations, unreachable_pub)]

mod list;
#[path = "../shared/redis_server.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod redis_server;
mod support;

mod arrays;
mod bitmaps;
mod geo;
mod hashes;
mod hyperloglog;
mod json;
mod keys;
mod lists;
mod pubsub;
mod scripts;
mod search;
mod server;
mod sets;
mod sorted_sets;
mod streams;
mod strings;
mod vectors;

use axum_upstash::redis::{Access, Cmd, FromReply, Redis, Reply, access as redis_access};
use support::{Form, Stage};

/// One line for each group: its forms, and what it does.
macro_rules! groups {
    ($($group:ident),* $(,)?) => {
        fn forms(redis: &Redis) -> Vec<(&'static str, Vec<Form>)> {
            vec![$((stringify!($group), $group::forms(redis))),*]
        }

        mod runs {
            use super::*;
            $(
                #[tokio::test]
                async fn $group() {
                    for stage in Stage::all().await {
                        println!("over {}", stage.name);
                        super::$group::run(&stage).await;
                    }
                }
            )*
        }
    };
}
groups!(
    strings,
    keys,
    bitmaps,
    hashes,
    lists,
    sets,
    sorted_sets,
    streams,
    geo,
    hyperloglog,
    scripts,
    pubsub,
    server,
    json,
    search,
    arrays,
    vectors,
);

#[test]
fn each_command_sends_what_the_documentation_says() {
    let redis = Redis::new("http://127.0.0.1:1", "token").unwrap();
    for (group, forms) in forms(&redis) {
        for (sent, wanted) in forms {
            assert_eq!(sent, wanted, "{group}");
        }
    }
}

#[test]
fn no_command_is_left_out() {
    let redis = Redis::new("http://127.0.0.1:1", "token").unwrap();
    let sent = forms(&redis);
    for (group, names) in list::GROUPS {
        let (_, forms) = sent.iter().find(|(name, _)| name == group).unwrap();
        for name in *names {
            let found = forms.iter().any(|(words, _)| words == name || words.starts_with(&format!("{name} ")));
            assert!(found, "{group}: {name} has no method");
        }
    }
}

/// A command that is sent again after a lost answer must not be one that Redis calls a write.
#[tokio::test]
async fn what_may_be_repeated_is_what_redis_calls_no_write() {
    let server = redis_server::RedisServer::start();
    let redis = Redis::tcp(server.url()).build().unwrap();
    let mut known = 0;
    for name in list::GROUPS.iter().flat_map(|(_, names)| *names) {
        let mut words = name.split(' ');
        let first = words.next().unwrap();
        let info: Vec<Option<Vec<Reply>>> = redis.cmd("COMMAND").arg("INFO").arg(first).query().await.unwrap();
        let Some(Some(info)) = info.into_iter().next() else { continue };
        let flags = Vec::<String>::from_reply(info[2].clone()).unwrap();
        let access = redis_access(&Cmd::new(first).args(words));
        if flags.iter().any(|flag| flag == "write") {
            assert_eq!(access, Access::Write, "{name}");
        }
        if flags.iter().any(|flag| flag == "readonly") && first != "XINFO" && first != "MEMORY" && first != "OBJECT" {
            assert_eq!(access, Access::Read, "{name}");
        }
        known += 1;
    }
    assert!(known > 150, "only {known} commands were known to Redis");
}

/// The index on the page of `Redis` has a link to the method of each command, in the file of its group.
#[test]
fn the_index_of_the_documentation_has_every_method() {
    let index = include_str!("../../src/redis/commands/index.md");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/redis/commands");
    let mut missing = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines().map(str::trim_start) {
            let Some(rest) = line.strip_prefix("read \"").or_else(|| line.strip_prefix("write \"")) else { continue };
            let Some((_, rest)) = rest.split_once("\" ") else { continue };
            let method = rest.split(['(', '<']).next().unwrap_or_default();
            if !index.contains(&format!("(Self::{method})")) {
                missing.push(format!("{}: {method}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "not in the index: {missing:#?}");
}
