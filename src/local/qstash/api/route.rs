use super::{
    Answer, ApiRequest, batch, dead_letters, flow_control, groups, logs, messages, publish, queues, schedules,
    workflows,
};
use crate::local::qstash::{account::Account, refusal::Refusal};

/// Answers a request of an account.
pub(crate) fn answer(account: &mut Account, now_ms: u64, request: ApiRequest) -> Answer {
    route(account, now_ms, request).unwrap_or_else(|refusal| {
        let mut answer = Answer::refused(&refusal);
        if refusal.status == 429
            && let Some((limit, remaining, reset)) = account.daily_limit(now_ms)
        {
            answer.fields = vec![
                ("ratelimit-limit", limit.to_string()),
                ("ratelimit-remaining", remaining.to_string()),
                ("ratelimit-reset", reset.to_string()),
            ];
        }
        answer
    })
}

fn route(account: &mut Account, now_ms: u64, request: ApiRequest) -> Result<Answer, Refusal> {
    let method = request.method.clone();
    let path: Vec<String> = request.path.clone();
    let mut path: Vec<&str> = path.iter().map(String::as_str).collect();
    let Some(first) = path.first_mut() else { return Err(Refusal::no_endpoint()) };
    // The Go SDK writes `Schedules`.
    let resource = first.to_ascii_lowercase();
    let rest = &path[1..];
    match (resource.as_str(), method.as_str(), rest) {
        ("publish", "POST", _) => publish::publish(account, now_ms, request),
        ("enqueue", "POST", [_, ..]) => publish::enqueue(account, now_ms, request),
        ("batch", "POST", []) => batch::batch(account, now_ms, &request),
        ("messages", _, _) => messages::answer(account, now_ms, &request, rest),
        ("queues", _, _) => queues::answer(account, now_ms, &request, rest),
        ("topics", _, _) => groups::answer(account, now_ms, &request, rest),
        ("schedules", _, _) => schedules::answer(account, now_ms, request, rest),
        ("dlq", _, _) => dead_letters::answer(account, now_ms, &request, rest),
        ("events" | "logs", "GET", []) => logs::logs(account, &request),
        ("keys", "GET", []) => Ok(keys(account)),
        ("keys", "POST", ["rotate"]) => {
            account.rotate_keys(now_ms);
            Ok(keys(account))
        }
        ("flowcontrol", _, _) => flow_control::answer(account, now_ms, &request, rest),
        ("trigger", "POST", _) => workflows::trigger(account, now_ms, request),
        ("batch", "POST", ["trigger"]) => workflows::trigger_many(account, now_ms, &request),
        ("workflows", _, _) => workflows::answer(account, now_ms, &request, rest),
        ("wait", "POST", [event]) => workflows::wait(account, now_ms, &request, event),
        ("notify", "POST", [event]) => Ok(workflows::notify(account, now_ms, &request, event)),
        ("notify", "POST", [run, event]) => workflows::notify_run(account, now_ms, &request, run, event),
        ("waiters", "GET", [event]) => Ok(workflows::waiters(account, event)),
        ("globalparallelism", "GET", []) => {
            let (max, count) = account.parallelism();
            Ok(Answer::json(serde_json::json!({ "parallelismMax": max, "parallelismCount": count })))
        }
        ("publish" | "enqueue" | "batch" | "trigger" | "events" | "logs" | "keys" | "globalparallelism", ..) => {
            Err(Refusal::method(&method))
        }
        _ => Err(Refusal::no_endpoint()),
    }
}

fn keys(account: &Account) -> Answer {
    let keys = account.keys();
    Answer::json(serde_json::json!({ "current": keys.current, "next": keys.next }))
}
