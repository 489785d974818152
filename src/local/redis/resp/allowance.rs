use super::Value;

/// The memory of a value beside its text.
const VALUE_BYTES: usize = size_of::<Value>();
/// A line that is no longer is always kept: `OK`, or the error of a command.
const SHORT_LINE: usize = 1024;
/// How many bytes of memory stand for one that the limit allows: many small values take more than their text.
const ITEM_MEMORY: usize = 8;
const TOTAL_MEMORY: usize = 4;

/// How large the replies to one request may be: each item, and all together.
///
/// An item is a whole reply, or an element of one when the reply is that of a transaction. Its size is that of its text.
/// The memory that its values take is bounded as well, more generously.
#[derive(Debug, Clone)]
pub(crate) struct Allowance {
    max_item: usize,
    max_total: usize,
    item_depth: usize,
    /// All items that were kept.
    kept: Size,
    /// The item that is being read.
    item: Size,
    /// The bytes of all items, also of those that were not kept.
    received: usize,
    dropping: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size {
    text: usize,
    memory: usize,
}

impl Size {
    fn plus(self, other: Self) -> Self {
        Self { text: self.text.saturating_add(other.text), memory: self.memory.saturating_add(other.memory) }
    }

    /// The bytes to name if it is larger than `limit`.
    fn beyond(self, limit: usize, memory: usize) -> Option<usize> {
        if self.text > limit {
            return Some(self.text);
        }
        (self.memory > limit.saturating_mul(memory)).then_some(self.memory)
    }
}

impl Allowance {
    pub(crate) fn new(max_item: usize, max_total: usize) -> Self {
        let (kept, item) = (Size::default(), Size::default());
        Self { max_item, max_total, item_depth: 0, kept, item, received: 0, dropping: false }
    }

    /// For replies to commands of this server's own.
    pub(crate) fn unlimited() -> Self {
        Self::new(usize::MAX, usize::MAX)
    }

    /// The same for items that are inside of so many arrays.
    pub(crate) fn of_items_at(mut self, depth: usize) -> Self {
        self.item_depth = depth;
        self
    }

    /// The bytes of replies so far, kept or not.
    pub(crate) fn received(&self) -> usize {
        self.received
    }

    /// Counts a string, and says whether it is kept.
    pub(super) fn takes(&mut self, length: usize) -> bool {
        self.count(length);
        self.keeps()
    }

    /// Counts a line of text that was read already, and gives back what is kept of it.
    pub(super) fn takes_line(&mut self, depth: usize, line: Value) -> Option<Value> {
        let length = match &line {
            Value::Status(text) | Value::Error(text) => text.len(),
            _ => 0,
        };
        if depth <= self.item_depth && length <= SHORT_LINE {
            return Some(line);
        }
        self.takes(length).then_some(line)
    }

    fn count(&mut self, length: usize) {
        self.received = self.received.saturating_add(length.max(VALUE_BYTES));
        self.item = self.item.plus(Size { text: length, memory: length.saturating_add(VALUE_BYTES) });
        self.dropping |= self.excess().is_some();
    }

    /// The limit that the item is beyond, and the bytes to name.
    fn excess(&self) -> Option<(usize, usize)> {
        let item = self.item.beyond(self.max_item, ITEM_MEMORY).map(|actual| (self.max_item, actual));
        let total = || self.kept.plus(self.item).beyond(self.max_total, TOTAL_MEMORY);
        item.or_else(|| total().map(|actual| (self.max_total, actual)))
    }

    /// Whether the item that is being read has fitted so far.
    pub(super) fn keeps(&self) -> bool {
        !self.dropping
    }

    /// Ends a value inside of so many arrays. An item that was too large becomes an error.
    pub(super) fn end_value(&mut self, depth: usize, value: Value) -> Value {
        if depth > self.item_depth {
            return value;
        }
        let excess = self.excess().filter(|_| self.dropping);
        let item = std::mem::take(&mut self.item);
        self.dropping = false;
        match excess {
            Some((limit, actual)) => Self::error(limit, actual),
            None => {
                self.kept = self.kept.plus(item);
                value
            }
        }
    }

    pub(super) fn error(limit: usize, actual: usize) -> Value {
        Value::error(format!("ERR max request size exceeded. Limit: {limit} bytes, Actual: {actual} bytes"))
    }
}

#[cfg(test)]
pub(super) mod model {
    //! The slow way: look at whole replies.

    use super::*;

    pub(crate) struct Model {
        pub(crate) max_item: usize,
        pub(crate) max_total: usize,
        text: usize,
        memory: usize,
    }

    impl Model {
        pub(crate) fn new(max_item: usize, max_total: usize) -> Self {
            Self { max_item, max_total, text: 0, memory: 0 }
        }

        pub(crate) fn fit(&mut self, item: Value) -> Value {
            let (text, memory) = match &item {
                Value::Status(line) | Value::Error(line) if line.len() <= SHORT_LINE => (0, 0),
                Value::Integer(_) | Value::Null => (0, 0),
                Value::Array(items) => items.iter().map(size).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1)),
                other => size(other),
            };
            let (all_text, all_memory) = (self.text + text, self.memory + memory);
            for (limit, text, memory, most) in
                [(self.max_item, text, memory, ITEM_MEMORY), (self.max_total, all_text, all_memory, TOTAL_MEMORY)]
            {
                if text > limit || memory > limit * most {
                    return Allowance::error(limit, if text > limit { text } else { memory });
                }
            }
            (self.text, self.memory) = (all_text, all_memory);
            item
        }
    }

    fn size(value: &Value) -> (usize, usize) {
        let text = match value {
            Value::Status(text) | Value::Error(text) | Value::Bulk(text) => text.len(),
            Value::Array(items) if !items.is_empty() => {
                return items.iter().map(size).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
            }
            _ => 0,
        };
        (text, text + VALUE_BYTES)
    }
}
