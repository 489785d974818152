use crate::local::vector::score::Length;

/// The vectors that are stored together: a block is as large as a table may grow at one time.
const BLOCK: usize = 1024;

/// The dense vectors of a namespace, one behind the other in the order of their slots.
#[derive(Debug, Default)]
pub(super) struct DenseTable {
    dimension: usize,
    blocks: Vec<Block>,
}

#[derive(Debug, Default)]
pub(super) struct Block {
    numbers: Vec<f32>,
    lengths: Vec<Length>,
}

impl DenseTable {
    /// A table without vectors. Those of dimension 0 are none.
    pub(super) fn new(dimension: usize) -> Self {
        Self { dimension, blocks: Vec::new() }
    }

    pub(super) fn dimension(&self) -> usize {
        self.dimension
    }

    /// Adds a vector, which has the dimension of the table.
    pub(super) fn push(&mut self, vector: &[f32]) {
        if self.blocks.last().is_none_or(|block| block.lengths.len() == BLOCK) {
            self.blocks.push(Block::default());
        }
        if let Some(block) = self.blocks.last_mut() {
            block.numbers.extend_from_slice(vector);
            block.lengths.push(Length::of(vector));
        }
    }

    pub(super) fn set(&mut self, slot: u32, vector: &[f32]) {
        let (block, at) = place(slot);
        let begin = at * self.dimension;
        if let Some(block) = self.blocks.get_mut(block) {
            block.numbers[begin..begin + self.dimension].copy_from_slice(vector);
            block.lengths[at] = Length::of(vector);
        }
    }

    /// The vector of a slot, and its length.
    pub(super) fn get(&self, slot: u32) -> Option<(&[f32], Length)> {
        let (block, at) = place(slot);
        let block = self.blocks.get(block)?;
        let begin = at * self.dimension;
        Some((block.numbers.get(begin..begin + self.dimension)?, *block.lengths.get(at)?))
    }

    /// The blocks with the slot of their first vector.
    pub(super) fn blocks(&self) -> impl ExactSizeIterator<Item = (u32, &Block)> + Clone {
        self.blocks.iter().enumerate().map(|(at, block)| (u32::try_from(at * BLOCK).unwrap_or(u32::MAX), block))
    }
}

impl Block {
    /// All numbers, one vector behind the other.
    pub(super) fn numbers(&self) -> &[f32] {
        &self.numbers
    }

    pub(super) fn lengths(&self) -> &[Length] {
        &self.lengths
    }

    /// The vectors, which have this dimension, with their lengths.
    pub(super) fn vectors(&self, dimension: usize) -> impl Iterator<Item = (&[f32], Length)> {
        self.numbers.chunks_exact(dimension.max(1)).zip(self.lengths.iter().copied())
    }
}

fn place(slot: u32) -> (usize, usize) {
    (slot as usize / BLOCK, slot as usize % BLOCK)
}
