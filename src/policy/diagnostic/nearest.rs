//! "Did you mean …?"

/// Nobody mistypes a longer word than this, and comparing costs the square of it.
const LONGEST: usize = 64;

/// The known word nearest to a mistyped one, if one is near enough to be meant.
pub fn closest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let length = word.chars().count();
    if length > LONGEST {
        return None;
    }
    let most = (length / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Whether one slip of the finger leads from one word to the other: words of a few letters are too near to each other
/// to tell, and numbers are counted up.
#[must_use]
pub fn is_slip(one: &str, other: &str) -> bool {
    const FEWEST: usize = 4;
    let lengths = [one, other].map(|word| word.chars().count());
    let letters = |word: &str| word.chars().filter(|letter| !letter.is_ascii_digit()).collect::<String>();
    lengths.iter().all(|length| (FEWEST..=LONGEST).contains(length))
        && letters(one) != letters(other)
        && distance(one, other) == 1
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    let mut previous_letter = None;
    for (row, letter) in one.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, candidate) in other.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let replaced = at(&last, column) + usize::from(letter != *candidate);
            let mut best = replaced.min(at(&last, column + 1) + 1).min(at(&current, column) + 1);
            let before = column.checked_sub(1).and_then(|index| other.get(index));
            if let (Some(index), true) =
                (column.checked_sub(1), before == Some(&letter) && previous_letter == Some(*candidate))
            {
                best = best.min(at(&before_last, index) + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
        previous_letter = Some(letter);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{closest, is_slip};

    #[test]
    fn a_mistyped_word_finds_its_neighbour() {
        for (word, near) in
            [("scpoes", "scopes"), ("role", "roles"), ("gaurd", "guard"), ("isuers", "issuers")]
        {
            assert_eq!(closest(word, ["scopes", "roles", "guard", "issuers"]), Some(near), "{word}");
        }
        assert_eq!(closest("banana", ["scopes", "roles"]), None);
        assert_eq!(closest("", ["scopes"]), None);
    }

    #[test]
    fn a_slip_is_one_letter_of_a_word() {
        for (one, other, expected) in [
            ("admn", "admin", true),
            ("amdin", "admin", true),
            ("user", "users", true),
            ("admin", "admin", false),
            ("external", "internal", false),
            ("v1", "v2", false),
            ("api1", "api2", false),
            (".env", "env", false),
        ] {
            assert_eq!(is_slip(one, other), expected, "{one} {other}");
        }
    }
}
