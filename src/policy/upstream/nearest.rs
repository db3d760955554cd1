//! "Did you mean": the word that is closest to one that nobody knows.

/// The closest of the candidates, if it is close enough to be a slip of the keyboard.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits between two words: insert, delete, replace, or swap two neighbours.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before_previous: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    let mut last = None;
    for (row, from) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, to) in right.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX / 2);
            let replaced = at(&previous, column) + usize::from(from != *to);
            let mut best = replaced.min(at(&previous, column + 1) + 1).min(at(&current, column) + 1);
            let neighbour = column.checked_sub(1).and_then(|index| right.get(index));
            if last == Some(*to) && neighbour == Some(&from) {
                best = best.min(at(&before_previous, column - 1) + 1);
            }
            current.push(best);
        }
        before_previous = previous;
        previous = current;
        last = Some(from);
    }
    previous.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let known = ["subject", "scopes", "roles", "groups"];
        assert_eq!(nearest("subejct", known), Some("subject"));
        assert_eq!(nearest("scope", known), Some("scopes"));
        assert_eq!(nearest("role", known), Some("roles"));
        assert_eq!(nearest("tenant", known), None);
        assert_eq!(nearest("x", known), None);
    }
}
