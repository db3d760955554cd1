//! Random numbers that a seed repeats (SplitMix64).

/// A source of random choices.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
    /// Choices made beforehand, a byte each: what a fuzzer varies.
    script: Vec<u8>,
    next_line: usize,
}

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self { state: seed, script: Vec::new(), next_line: 0 }
    }

    /// Choices by these bytes, and by a seed made of them when they are used up.
    pub fn scripted(bytes: &[u8]) -> Self {
        let seed = bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { state: seed, script: bytes.to_vec(), next_line: 0 }
    }

    pub fn next(&mut self) -> u64 {
        if let Some(choice) = self.script.get(self.next_line) {
            self.next_line += 1;
            return u64::from(*choice);
        }
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub fn below(&mut self, most: usize) -> usize {
        let most = u64::try_from(most.max(1)).expect("a small number");
        usize::try_from(self.next() % most).expect("a small number")
    }

    /// True so many times in a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub fn pick<'t, T: ?Sized>(&mut self, several: &[&'t T]) -> &'t T {
        several[self.below(several.len())]
    }

    /// Between one and so many of these, each once, in their order.
    pub fn some(&mut self, several: &[&str], most: usize) -> Vec<String> {
        let wanted = 1 + self.below(most.min(several.len()));
        let mut found: Vec<String> = Vec::new();
        while found.len() < wanted {
            let one = self.pick(several).to_owned();
            if !found.contains(&one) {
                found.push(one);
            }
        }
        found
    }

    /// Puts a list into another order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for index in (1..list.len()).rev() {
            list.swap(index, self.below(index + 1));
        }
    }
}
