use super::Value;

/// The weight of a number, a null or a status inside of an array, in bytes.
const SCALAR_BYTES: usize = 16;

/// How large the replies to one request may be: each item, and all together.
///
/// An item is a whole reply, or an element of one when the reply is that of a transaction. Its size is that of its
/// strings; inside of arrays the other values count as well. An item that is no string and no array is always kept.
#[derive(Debug, Clone)]
pub(crate) struct Allowance {
    max_item: usize,
    max_total: usize,
    item_depth: usize,
    /// The bytes of all items that were kept.
    kept: usize,
    /// The bytes of all items, also of those that were not kept.
    received: usize,
    /// The bytes of the item that is being read.
    item: usize,
    dropping: bool,
}

impl Allowance {
    pub(crate) fn new(max_item: usize, max_total: usize) -> Self {
        Self { max_item, max_total, item_depth: 0, kept: 0, received: 0, item: 0, dropping: false }
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
        self.item = self.item.saturating_add(length);
        self.received = self.received.saturating_add(length);
        self.dropping |= self.item > self.max_item || self.kept.saturating_add(self.item) > self.max_total;
        self.keeps()
    }

    /// Counts a value that is no string, inside of so many arrays.
    pub(super) fn count_scalar(&mut self, depth: usize) {
        if depth > self.item_depth {
            self.takes(SCALAR_BYTES);
        }
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
        let size = std::mem::take(&mut self.item);
        if std::mem::take(&mut self.dropping) {
            return match size > self.max_item {
                true => Self::error(self.max_item, size),
                false => Self::error(self.max_total, self.kept.saturating_add(size)),
            };
        }
        self.kept += size;
        value
    }

    pub(super) fn error(limit: usize, actual: usize) -> Value {
        Value::error(format!("ERR max request size exceeded. Limit: {limit} bytes, Actual: {actual} bytes"))
    }

    /// The size of an item.
    #[cfg(test)]
    pub(super) fn size(item: &Value) -> usize {
        fn inside(value: &Value) -> usize {
            match value {
                Value::Bulk(bytes) => bytes.len(),
                Value::Array(items) if !items.is_empty() => items.iter().map(inside).sum(),
                _ => SCALAR_BYTES,
            }
        }
        match item {
            Value::Bulk(_) => inside(item),
            Value::Array(items) => items.iter().map(inside).sum(),
            _ => 0,
        }
    }
}
