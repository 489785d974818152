use super::{DENY_LIST, HashTag, IP_LIST_STATUS};
use crate::{
    Error, ErrorKind,
    ratelimit::{
        Algorithm, Answer, Check, Question,
        algorithms::{Bucket, State, Window},
        settle::settle,
    },
    redis::{Redis, Script},
};

static LIMITS: Script = Script::new(include_str!("../scripts/limits.lua"));

/// Asks everything by one script.
pub(super) async fn ask(redis: &Redis, tag: HashTag, question: Question<'_>) -> Result<Answer, Error> {
    let (mut strings, mut others, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for check in question.checks {
        let mut keys = tag.counters(check, question.now_ms).into_iter();
        // Hashes come after all the strings; until then their places are counted from the end of those.
        let hash = matches!(check.algorithm, Algorithm::TokenBucket(_));
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

    let deny = question.deny.as_ref();
    let ip_list = deny.is_some_and(|deny| deny.ip_list);
    let values = deny.map_or(&[][..], |deny| deny.values);
    let mut packed = Numbers::default();
    packed.push(question.now_ms).push(strings.len()).push(u8::from(ip_list));
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
    let reply: Vec<i64> = call.timeout(question.timeout).query().await?;
    read(&reply, question)
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

fn read(reply: &[i64], question: Question<'_>) -> Result<Answer, Error> {
    let unexpected = || Error::new(ErrorKind::Decode, "the rate limit script answered something else");
    let [verdict, ip_list, found @ ..] = reply else { return Err(unexpected()) };
    // -2: there was no such key, and the script has made one for whoever asked.
    let ip_list_due = *ip_list == -2;
    if *verdict == 2 {
        let place = found.first().and_then(|&place| usize::try_from(place - 1).ok());
        let value = place.and_then(|place| question.deny?.values.get(place)).ok_or_else(unexpected)?;
        return Ok(Answer { ip_list_due, ..Answer::denied(value.as_str()) });
    }
    if found.len() != question.checks.len() * 3 {
        return Err(unexpected());
    }
    let admitted = *verdict == 1;
    let now_ms = question.now_ms;
    let asked = || {
        let asked = question.checks.iter().zip(found.chunks_exact(3));
        asked.map(|(check, found)| {
            let limit = u32::try_from(found[0].max(0)).unwrap_or(u32::MAX);
            (check.algorithm.with_limit(limit), Some(state(check, found[1], found[2], now_ms)), check.cost)
        })
    };
    let outcomes = asked().map(|(algorithm, state, cost)| {
        let (mut outcome, _) = algorithm.decide(now_ms, state, cost);
        // What the script did is what counts.
        outcome.allowed |= admitted;
        outcome
    });
    let outcomes = if admitted { outcomes.collect() } else { settle(outcomes.collect(), asked(), now_ms) };
    Ok(Answer { ip_list_due, ..Answer::counted(outcomes) })
}

/// What the script found before the request.
fn state(check: &Check<'_>, one: i64, two: i64, now_ms: u64) -> State {
    let one_unsigned = u64::try_from(one).unwrap_or(0);
    match check.algorithm {
        Algorithm::FixedWindow(window) => {
            State::Window(Window { index: window.window_index(now_ms), previous: 0, current: two })
        }
        Algorithm::SlidingWindow(window) => {
            State::Window(Window { index: window.window_index(now_ms), previous: one, current: two })
        }
        Algorithm::TokenBucket(_) => State::Bucket(Bucket { refilled_at: one_unsigned, tokens: two }),
        Algorithm::Gcra(_) => State::Arrival(one_unsigned),
    }
}
