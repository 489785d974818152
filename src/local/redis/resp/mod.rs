//! RESP2, the protocol of Redis: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

mod allowance;
mod decode;
mod encode;
mod reply;
mod value;

pub(super) use self::{allowance::Allowance, decode::Decoder, encode::encode, reply::encode_reply, value::Value};
