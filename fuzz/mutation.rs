//! Changes inputs at random: bytes, words of a dictionary, parts of other inputs, values within JSON.

use serde_json::Value;

use crate::support::random::Random;

/// The longest input that a mutation makes, in bytes.
const LONGEST: usize = 1 << 14;

/// Returns `input` with one to four changes, most often one.
pub fn mutate(
    random: &mut Random,
    input: &[u8],
    others: &[Vec<u8>],
    dictionary: &[&str],
) -> Vec<u8> {
    let mut changed = input.to_vec();
    for _ in 0..=*random.choose(&[0, 0, 0, 1, 2, 3]) {
        change(random, &mut changed, others, dictionary);
    }
    changed.truncate(LONGEST);
    changed
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, others: &[Vec<u8>], dictionary: &[&str]) {
    let place = random.below(bytes.len() + 1);
    let end = place + random.below((bytes.len() - place).min(24) + 1);
    match random.below(14) {
        10.. => exchange_part(random, bytes, others),
        // Flips one bit.
        0 if place < bytes.len() => bytes[place] ^= 1 << random.below(8),
        // Replaces one byte by any other, or by one that often has a meaning.
        1 if place < bytes.len() => bytes[place] = random.next().to_le_bytes()[0],
        2 if place < bytes.len() => {
            bytes[place] = *random.choose(b"0129aZ \t\n\0\"'\\/,;:=&%+-.!()[]{}")
        }
        // Removes a part.
        3 => drop(bytes.drain(place..end)),
        // Repeats a part.
        4 => {
            let part = bytes[place..end].repeat(1 + random.below(3));
            bytes.splice(place..place, part);
        }
        // Takes a part of another input.
        5 => {
            let other = random.choose(others);
            let from = random.below(other.len() + 1);
            let to = from + random.below(other.len() - from + 1);
            bytes.splice(place..end, other[from..to].iter().copied());
        }
        // Replaces a number, or the rest, by an interesting number.
        6 => {
            let number = *random.choose(&NUMBERS);
            bytes.splice(place..end.min(place + 4), number.bytes());
        }
        // Inserts a word, or replaces a part by it.
        7 => drop(bytes.splice(place..place, random.choose(dictionary).bytes())),
        _ => drop(bytes.splice(place..end, random.choose(dictionary).bytes())),
    }
}

/// Replaces, removes or adds a part between two separators, by a part of another input.
fn exchange_part(random: &mut Random, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    let separator = *random.choose(b"&&&&?,;\n");
    let is_separator = |byte: &u8| *byte == separator;
    let mut parts: Vec<&[u8]> = bytes.split(is_separator).collect();
    let other: Vec<_> = random.choose(others).split(is_separator).collect();
    let (place, part) = (random.below(parts.len()), *random.choose(&other));
    match random.below(3) {
        0 => parts[place] = part,
        1 => parts.insert(place + 1, part),
        _ => drop(parts.remove(place)),
    }
    *bytes = parts.join(&separator);
}

/// Returns `input` with one or two values changed in one of the JSON documents in it: the whole input, or the end of a
/// line. Returns `None` if it holds none.
#[allow(dead_code, reason = "only the fuzz targets use it")]
pub fn mutate_json(random: &mut Random, input: &[u8], others: &[Vec<u8>]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(input).ok()?;
    let range = choose(random, documents(text))?;
    let mut document: Value = serde_json::from_str(&text[range.clone()]).expect("it is JSON");
    let other: &Vec<u8> = random.choose(others);
    let other = std::str::from_utf8(other).ok()?;
    let part = choose(random, documents(other))?;
    let other: Value = serde_json::from_str(&other[part]).expect("it is JSON");
    for _ in 0..=random.below(2) {
        change_value(random, &mut document, &other);
    }
    Some(
        [
            &text[..range.start],
            &document.to_string(),
            &text[range.end..],
        ]
        .concat()
        .into_bytes(),
    )
}

fn choose<T: Clone>(random: &mut Random, choices: Vec<T>) -> Option<T> {
    (!choices.is_empty()).then(|| random.choose(&choices).clone())
}

/// Returns where JSON documents are.
fn documents(text: &str) -> Vec<std::ops::Range<usize>> {
    let is_json = |part: &str| serde_json::from_str::<Value>(part).is_ok();
    if is_json(text) {
        return vec![0..text.len()];
    }
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.trim_end().len();
        if let Some(begin) = line
            .find('{')
            .map(|place| start + place)
            .filter(|begin| *begin < end)
            && is_json(&text[begin..end])
        {
            found.push(begin..end);
        }
        start += line.len();
    }
    found
}

/// Replaces, removes or repeats a value in `value`, by one of `other` or an interesting one.
fn change_value(random: &mut Random, value: &mut Value, other: &Value) {
    match value {
        Value::Object(members) if !members.is_empty() && !random.one_in(6) => {
            let names: Vec<String> = members.keys().cloned().collect();
            let name = random.choose(&names);
            match random.below(8) {
                0 => drop(members.remove(name)),
                1 => {
                    if let Some(other) = other.as_object().filter(|other| !other.is_empty()) {
                        let (name, value) = other
                            .iter()
                            .nth(random.below(other.len()))
                            .expect("a member");
                        members.insert(name.clone(), value.clone());
                    }
                }
                _ => change_value(random, &mut members[name], other.get(name).unwrap_or(other)),
            }
        }
        Value::Array(values) if !values.is_empty() && !random.one_in(6) => {
            let place = random.below(values.len());
            match random.below(8) {
                0 => drop(values.remove(place)),
                1 => values.push(values[place].clone()),
                2 => {
                    if let Some(other) = other.as_array().filter(|other| !other.is_empty()) {
                        values.push(random.choose(other).clone());
                    }
                }
                3 => {
                    let with = random.below(values.len());
                    values.swap(place, with);
                }
                _ => change_value(random, &mut values[place], other.get(0).unwrap_or(other)),
            }
        }
        Value::String(text) if random.one_in(2) => match random.below(4) {
            0 => *text = text.to_uppercase(),
            1 => drop(text.pop()),
            2 => text.push(*random.choose(&[
                'a', '9', '.', '-', '/', ' ', '\u{e4}', '\u{130}', '\u{0}', '\n',
            ])),
            _ => *text = text.repeat(random.below(80)),
        },
        value => *value = random.choose(&interesting(other)).clone(),
    }
}

fn interesting(other: &Value) -> [Value; 13] {
    [
        other.clone(),
        Value::Null,
        true.into(),
        0.into(),
        (-1).into(),
        1.5.into(),
        u64::MAX.into(),
        "".into(),
        "x".into(),
        "2020-02-29T23:59:59Z".into(),
        "9999-12-31T23:59:59Z".into(),
        Value::Array(Vec::new()),
        Value::Object(serde_json::Map::new()),
    ]
}

const NUMBERS: [&str; 14] = [
    "0",
    "1",
    "-1",
    "00",
    "1e3",
    "1.5",
    "50",
    "5000",
    "5001",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "1e400",
];
