//! The client over TCP.

use crate::redis_server::{RedisServer, free_port};
use axum_upstash::{
    ErrorKind,
    ratelimit::{FixedWindow, Ratelimit},
    redis::{MonitorEvent, PubSubEvent, Redis, RequestEvent, RequestKind, Script},
};
use futures_util::{FutureExt, StreamExt, future::join_all};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

fn client(server: &RedisServer) -> Redis {
    Redis::tcp(server.url()).build().unwrap()
}

#[tokio::test]
async fn pipelines_have_a_result_for_each_and_transactions_all_or_nothing() {
    let server = RedisServer::start();
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&events);
    let redis = Redis::tcp(server.url())
        .on_request(move |event: &RequestEvent| sink.lock().unwrap().push((event.kind, event.commands)))
        .build()
        .unwrap();
    let key = [0xff_u8, 0, b'\n'].as_slice();
    let mut pipe = redis.pipeline();
    let (set, wrong, get) = (pipe.set(key, key), pipe.incr(key), pipe.get::<Vec<u8>>(key));
    let mut results = pipe.exec().await.unwrap();
    results.take(set).unwrap();
    let error = results.take(wrong).unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Refused, Some("INCR")));
    assert_eq!(results.take(get).unwrap(), key);

    let mut multi = redis.transaction();
    let (wrong, one, two) = (multi.lpush(key, "x"), multi.incr("n"), multi.incr("n"));
    let mut results = multi.exec().await.unwrap();
    assert_eq!(results.take(wrong).unwrap_err().kind(), ErrorKind::WrongType);
    assert_eq!((results.take(one).unwrap(), results.take(two).unwrap()), (1, 2));

    let mut multi = redis.transaction();
    let _ = multi.incr("n");
    let _ = multi.issue::<()>(axum_upstash::redis::Cmd::new("NONSENSE"));
    assert_eq!(multi.exec().await.unwrap_err().kind(), ErrorKind::Aborted);
    assert_eq!(redis.get::<i64>("n").await.unwrap(), 2);
    assert!(redis.pipeline().exec().await.unwrap().into_replies().next().is_none());
    let events = events.lock().unwrap();
    let kinds = [RequestKind::Pipeline, RequestKind::Transaction, RequestKind::Transaction, RequestKind::Single];
    assert_eq!(*events, [(kinds[0], 3), (kinds[1], 3), (kinds[2], 2), (kinds[3], 1)]);
}

#[tokio::test]
async fn many_tasks_share_one_connection_and_what_would_disturb_them_is_refused() {
    let server = RedisServer::start();
    let redis = client(&server);
    let sums = join_all((0..64).map(|_| {
        let redis = redis.clone();
        tokio::spawn(async move { redis.incr("n").await.unwrap() })
    }))
    .await;
    let mut sums: Vec<i64> = sums.into_iter().map(Result::unwrap).collect();
    sums.sort_unstable();
    assert_eq!(sums, (1..=64).collect::<Vec<_>>());
    let clients: String = redis.cmd("CLIENT").arg("LIST").query().await.unwrap();
    assert_eq!(clients.lines().count(), 1, "{clients}");
    for words in
        [&["BLPOP", "l", "0"][..], &["SELECT", "1"], &["MULTI"], &["SUBSCRIBE", "c"], &["CLIENT", "REPLY", "OFF"]]
    {
        let error = redis.cmd(words[0]).args(&words[1..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{words:?}");
    }
    // A future that is dropped half-way takes nothing from the others.
    let mut dropped = Box::pin(redis.incr("n").into_future());
    let _ = (&mut dropped).now_or_never();
    drop(dropped);
    redis.set("after", "x").await.unwrap();
}

#[tokio::test]
async fn it_outlives_its_server() {
    let mut server = RedisServer::start();
    let redis = client(&server);
    redis.set("k", "v").await.unwrap();
    server.stop();
    let error = redis.get::<Option<String>>("k").await.unwrap_err();
    assert!(error.is_outage(), "{error}");
    server.restart();
    assert_eq!(redis.get::<Option<String>>("k").await.unwrap(), None);
    let nobody = Redis::tcp(format!("redis://127.0.0.1:{}", free_port())).build().unwrap();
    assert_eq!(nobody.incr("n").await.unwrap_err().kind(), ErrorKind::Connect);
}

#[tokio::test]
async fn a_deadline_holds_against_a_server_that_never_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let redis = Redis::tcp(url).timeout(Duration::from_millis(100)).build().unwrap();
    let error = redis.get::<()>("k").await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Timeout, "GET \"k\": no answer within 100ms"));
}

#[tokio::test]
async fn credentials_are_checked_and_never_shown() {
    let server = RedisServer::with(&["--requirepass", "right"]);
    let url = |password: &str| format!("redis://:{password}@127.0.0.1:{}/3", server.port());
    let wrong = Redis::tcp(url("s3cret"));
    assert!(!format!("{wrong:?}").contains("s3cret"));
    let wrong = wrong.build().unwrap();
    let error = wrong.get::<()>("k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error:?}");
    assert!(!format!("{wrong:?}{error:?}").contains("s3cret"));
    let right = Redis::tcp(url("right")).build().unwrap();
    right.set("k", "v").await.unwrap();
    let info: String = right.cmd("INFO").arg("keyspace").query().await.unwrap();
    assert!(info.contains("db3:keys=1"), "{info}");
    let error = Redis::tcp("http://s3cret").build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(!format!("{error:?}").contains("s3cret"));
}

/// Hands bytes on, and cuts the connection behind the next command when it is told to.
async fn proxy(to: u16, cut: Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let cut = Arc::clone(&cut);
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", to)).await.unwrap();
                let (mut up, mut down) = (vec![0; 65536], vec![0; 65536]);
                loop {
                    tokio::select! {
                        read = client.read(&mut up) => match read {
                            Ok(length @ 1..) => {
                                server.write_all(&up[..length]).await.unwrap();
                                if cut.swap(false, Ordering::SeqCst) {
                                    // The server has it for sure once it has answered.
                                    let _ = server.read(&mut down).await;
                                    return;
                                }
                            }
                            _ => return,
                        },
                        read = server.read(&mut down) => match read {
                            Ok(length @ 1..) => client.write_all(&down[..length]).await.unwrap(),
                            _ => return,
                        },
                    }
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn only_what_is_safe_is_sent_again() {
    let server = RedisServer::start();
    let cut = Arc::new(AtomicBool::new(false));
    let attempts = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&attempts);
    let redis = Redis::tcp(proxy(server.port(), Arc::clone(&cut)).await)
        .on_request(move |event: &RequestEvent| seen.store(event.attempts as usize, Ordering::SeqCst))
        .build()
        .unwrap();
    redis.set("k", "v").await.unwrap();
    cut.store(true, Ordering::SeqCst);
    assert_eq!(redis.get::<String>("k").await.unwrap(), "v");
    assert_eq!(attempts.load(Ordering::SeqCst), 2);
    cut.store(true, Ordering::SeqCst);
    assert_eq!(redis.incr("n").await.unwrap_err().kind(), ErrorKind::Interrupted);
    assert_eq!(redis.get::<i64>("n").await.unwrap(), 1);
}

#[tokio::test]
async fn scripts_messages_and_monitors() {
    static DOUBLE: Script = Script::new("return ARGV[1] * 2");
    let mut server = RedisServer::start();
    let redis = client(&server);
    for _ in 0..2 {
        assert_eq!(redis.script(&DOUBLE).arg(21).query::<i64>().await.unwrap(), 42);
    }
    let mut subscription = redis.subscribe(["c, d", "c"]);
    for _ in 0..2 {
        assert!(matches!(subscription.next().await.unwrap().unwrap(), PubSubEvent::Subscribed { .. }));
    }
    redis.publish("c, d", b"\xff,\n").await.unwrap();
    let PubSubEvent::Message(message) = subscription.next().await.unwrap().unwrap() else { panic!("no message") };
    assert_eq!((message.channel.as_str(), &message.payload[..]), ("c, d", &b"\xff,\n"[..]));
    let mut monitor = redis.monitor();
    assert_eq!(monitor.next().await.unwrap().unwrap(), MonitorEvent::Started);
    redis.set("seen", "x").await.unwrap();
    let MonitorEvent::Command(line) = monitor.next().await.unwrap().unwrap() else { panic!("no command") };
    assert!(line.contains(r#""SET" "seen" "x""#), "{line}");
    drop(monitor);
    server.restart();
    assert_eq!(subscription.next().await.unwrap().unwrap(), PubSubEvent::Gap);
}

#[tokio::test]
async fn limits_stand_on_it_as_well() {
    let server = RedisServer::start();
    let limiter = Ratelimit::new(client(&server), FixedWindow::new(10, Duration::from_secs(60)));
    let decisions = join_all((0..30).map(|_| limiter.limit("somebody"))).await.into_iter().map(Result::unwrap);
    assert_eq!(decisions.into_iter().filter(|decision| decision.allowed).count(), 10);
}
