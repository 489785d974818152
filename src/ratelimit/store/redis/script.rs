use super::{
    HashTag,
    keys::{DENY_LIST, IP_LIST_STATUS},
};
use crate::{
    Error, ErrorKind,
    ratelimit::{
        algorithms::refused_together,
        store::{CheckRequest, CheckResponse},
    },
    redis::{Redis, Script},
};

static LIMITS: Script = Script::new(include_str!("limits.lua"));

/// Asks everything by one script.
pub(super) async fn ask(redis: &Redis, tag: HashTag, request: CheckRequest<'_>) -> Result<CheckResponse, Error> {
    let (mut strings, mut others, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for check in request.checks {
        let mut keys = tag.counters(check, request.now_ms).into_iter();
        // Hashes come after all the strings; until then their places are counted from the end of those.
        let hash = check.algorithm.counts_in_hash();
        let place = |list: &mut Vec<String>, key: Option<String>| match key {
            Some(key) => {
                list.push(key);
                list.len()
            }
            None => 0,
        };
        let key = place(if hash { &mut others } else { &mut strings }, keys.next());
        let before = place(&mut strings, keys.next());
        let (own, global) = tag.dynamic_keys(check);
        let (own, global) = (place(&mut strings, own), place(&mut strings, global));
        numbers.push((hash, key, before, own, global, check));
    }

    let deny = request.deny.as_ref();
    let ip_list = deny.is_some_and(|deny| deny.ip_list);
    let values = deny.map_or(&[][..], |deny| deny.values);
    let mut packed = Numbers::default();
    packed.push(request.now_ms).push(strings.len()).push(u8::from(ip_list));
    for (hash, key, before, own, global, check) in numbers {
        let (kind, span, rate) = check.algorithm.script_arguments();
        let key = if hash { strings.len() + key } else { key };
        packed.push(kind).push(key).push(before).push(own).push(global);
        packed.push(check.algorithm.limit()).push(span).push(rate).push(check.cost);
    }
    let mut call = redis.script(&LIMITS).arg(packed.0);
    call = values.iter().fold(call, |call, value| call.arg(value.as_str()));
    call = strings.iter().chain(&others).fold(call, |call, key| call.key(key));
    if let Some(deny) = deny {
        if !values.is_empty() {
            call = call.key(tag.shared(deny.prefix, DENY_LIST));
        }
        if ip_list {
            call = call.key(tag.shared(deny.prefix, IP_LIST_STATUS));
        }
    }
    let reply: Vec<i64> = call.timeout(request.timeout).query().await?;
    read(&reply, request)
}

/// Numbers with spaces between.
#[derive(Default)]
struct Numbers(String);

impl Numbers {
    fn push(&mut self, number: impl itoa::Integer) -> &mut Self {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(itoa::Buffer::new().format(number));
        self
    }
}

fn read(reply: &[i64], request: CheckRequest<'_>) -> Result<CheckResponse, Error> {
    let unexpected = || Error::new(ErrorKind::Decode, "the rate limit script answered something else");
    let [verdict, ip_list, found @ ..] = reply else { return Err(unexpected()) };
    // -2: there was no such key, and the script has set it for this process.
    let ip_list_due = *ip_list == -2;
    if *verdict == 2 {
        let place = found.first().and_then(|&place| usize::try_from(place - 1).ok());
        let value = place.and_then(|place| request.deny?.values.get(place)).ok_or_else(unexpected)?;
        return Ok(CheckResponse { ip_list_due, ..CheckResponse::denied(value.as_str()) });
    }
    if found.len() != request.checks.len() * 3 {
        return Err(unexpected());
    }
    let admitted = *verdict == 1;
    let now_ms = request.now_ms;
    let found = || {
        let found = request.checks.iter().zip(found.chunks_exact(3));
        found.map(|(check, found)| {
            let limit = u32::try_from(found[0].max(0)).unwrap_or(u32::MAX);
            let state = check.algorithm.state_from_reply(found[1], found[2], now_ms);
            (check.algorithm.with_limit(limit), Some(state))
        })
    };
    let outcomes = found().zip(request.checks).map(|((algorithm, state), check)| {
        let (mut outcome, _) = algorithm.decide(now_ms, state, check.cost);
        // The script has counted: its decision holds.
        outcome.allowed |= admitted;
        outcome
    });
    let outcomes = if admitted { outcomes.collect() } else { refused_together(outcomes.collect(), found(), now_ms) };
    Ok(CheckResponse { ip_list_due, ..CheckResponse::counted(outcomes) })
}
