//! Where boxes stand and lines run. Ranks lie below each other; a line that passes a rank has a narrow place of its own in it. The
//! order within a rank comes from the places of the neighbours (the barycentre method of Sugiyama, Tagawa and Toda), the
//! distances from the least squares that keep the order.

/// Room between two neighbours, and at the picture's edges.
const GAP: f64 = 28.0;
/// Width of a line's place in a rank that it passes.
const PASS: f64 = 14.0;
/// Rounds of ordering and of placing, enough for systems of the size that there are.
const ROUNDS: usize = 24;
/// Boxes side by side at most; a rank with more of them takes several rows.
const ROW: usize = 6;

/// A box.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
}

/// A point; `y` grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// What was found.
#[derive(Debug)]
pub struct Layout {
    /// The boxes' corners: left, top.
    pub boxes: Vec<Point>,
    /// Each line's points, from its upper end to its lower end. Between a point of odd number and the next one it runs straight through a
    /// row, else from row to row.
    pub lines: Vec<Vec<Point>>,
    /// Which of a line's ends is the upper one.
    pub upper: Vec<usize>,
    /// For each rank the middle of its first row.
    pub ranks: Vec<f64>,
    /// Of the picture.
    pub size: Size,
}

/// Something that has a place in a row.
#[derive(Debug, Clone)]
struct Item {
    width: f64,
    height: f64,
    row: usize,
    /// Its middle.
    x: f64,
    /// Neighbours in the row above and in the row below.
    above: Vec<usize>,
    below: Vec<usize>,
}

/// Lays out boxes of the given ranks (0 is the highest, none is left out), and lines between two of them. Between two rows there is room of `space`.
pub fn lay_out(sizes: &[Size], ranks: &[usize], lines: &[[usize; 2]], space: f64) -> Layout {
    let (rows, first_rows) = rows(ranks);
    let mut items: Vec<Item> = sizes
        .iter()
        .zip(&rows)
        .map(|(size, &row)| Item {
            width: size.width,
            height: size.height,
            row,
            x: 0.0,
            above: Vec::new(),
            below: Vec::new(),
        })
        .collect();
    let paths: Vec<Vec<usize>> = lines.iter().map(|ends| path(*ends, &mut items)).collect();
    let mut order = order(&items);
    for round in 0..ROUNDS {
        sort(&mut items, &mut order, round % 2 == 0);
    }
    place(&mut items, &order);
    finish(&items, sizes.len(), lines, &paths, &first_rows, space)
}

/// The row of each box, and each rank's first row.
fn rows(ranks: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let count = ranks.iter().max().map_or(0, |last| last + 1);
    let (mut rows, mut first_rows, mut next) = (vec![0; ranks.len()], Vec::new(), 0);
    for rank in 0..count {
        first_rows.push(next);
        let members: Vec<usize> = (0..ranks.len()).filter(|&node| ranks[node] == rank).collect();
        // Rows of about the same length.
        let in_row = members.len().div_ceil(members.len().div_ceil(ROW).max(1)).max(1);
        for row in members.chunks(in_row) {
            row.iter().for_each(|&node| rows[node] = next);
            next += 1;
        }
    }
    (rows, first_rows)
}

/// The items that a line goes through, from above to below. Those that it passes are made.
fn path([one, other]: [usize; 2], items: &mut Vec<Item>) -> Vec<usize> {
    let (upper, lower) = if items[one].row <= items[other].row { (one, other) } else { (other, one) };
    let mut path = vec![upper];
    for row in items[upper].row + 1..items[lower].row {
        items.push(Item { width: PASS, height: 0.0, row, x: 0.0, above: Vec::new(), below: Vec::new() });
        path.push(items.len() - 1);
    }
    path.push(lower);
    for pair in path.windows(2) {
        if items[pair[0]].row < items[pair[1]].row {
            items[pair[0]].below.push(pair[1]);
            items[pair[1]].above.push(pair[0]);
        }
    }
    path
}

/// The items of each row, as they come.
fn order(items: &[Item]) -> Vec<Vec<usize>> {
    let count = items.iter().map(|item| item.row + 1).max().unwrap_or(0);
    (0..count).map(|row| (0..items.len()).filter(|&item| items[item].row == row).collect()).collect()
}

/// Sorts each row by where its items' neighbours are, from above to below or the other way.
fn sort(items: &mut [Item], order: &mut [Vec<usize>], down: bool) {
    for row in order.iter() {
        number(items, row);
    }
    let count = order.len();
    for step in 0..count {
        let row = &mut order[if down { step } else { count - 1 - step }];
        let wish = |item: usize| {
            let neighbours = if down { &items[item].above } else { &items[item].below };
            mean(items, neighbours).unwrap_or(items[item].x)
        };
        let mut wishes: Vec<(f64, usize)> = row.iter().map(|&item| (wish(item), item)).collect();
        wishes.sort_by(|one, other| one.0.total_cmp(&other.0));
        *row = wishes.into_iter().map(|(_, item)| item).collect();
        number(items, row);
    }
}

/// Gives the items of a row places from 0 to 1 in their order.
fn number(items: &mut [Item], row: &[usize]) {
    for (index, &item) in row.iter().enumerate() {
        items[item].x = (index as f64 + 0.5) / row.len() as f64;
    }
}

fn mean(items: &[Item], of: &[usize]) -> Option<f64> {
    let sum: f64 = of.iter().map(|&item| items[item].x).sum();
    (!of.is_empty()).then(|| sum / of.len() as f64)
}

/// Finds the items' middles: near their neighbours', in order, and apart.
fn place(items: &mut [Item], order: &[Vec<usize>]) {
    for row in order {
        let mut left = 0.0;
        for &item in row {
            items[item].x = left + items[item].width / 2.0;
            left += items[item].width + GAP;
        }
        row.iter().for_each(|&item| items[item].x -= left / 2.0);
    }
    for round in 0..ROUNDS {
        for step in 0..order.len() {
            let row = &order[if round % 2 == 0 { step } else { order.len() - 1 - step }];
            let wishes: Vec<f64> = row
                .iter()
                .map(|&item| {
                    let neighbours = [items[item].above.as_slice(), &items[item].below].concat();
                    mean(items, &neighbours).unwrap_or(items[item].x)
                })
                .collect();
            let widths: Vec<f64> = row.iter().map(|&item| items[item].width).collect();
            for (&item, x) in row.iter().zip(apart(&wishes, &widths)) {
                items[item].x = x;
            }
        }
    }
}

/// The middles nearest to the wishes, in the sense of least squares, that are in order and apart: neighbours that would get in each other's
/// way are moved together (the pool-adjacent-violators method).
fn apart(wishes: &[f64], widths: &[f64]) -> Vec<f64> {
    let mut offset = 0.0;
    let offsets: Vec<f64> = (0..wishes.len())
        .map(|index| {
            if index > 0 {
                offset += f64::midpoint(widths[index - 1], widths[index]) + GAP;
            }
            offset
        })
        .collect();
    // Sum and number of the wishes of each group.
    let mut groups: Vec<(f64, usize)> = Vec::new();
    for (wish, offset) in wishes.iter().zip(&offsets) {
        groups.push((wish - offset, 1));
        while let [.., (sum, count), (next_sum, next_count)] = groups[..]
            && sum / count as f64 > next_sum / next_count as f64
        {
            groups.truncate(groups.len() - 2);
            groups.push((sum + next_sum, count + next_count));
        }
    }
    let middles = groups.iter().flat_map(|&(sum, count)| std::iter::repeat_n(sum / count as f64, count));
    middles.zip(offsets).map(|(middle, offset)| middle + offset).collect()
}

fn finish(
    items: &[Item],
    boxes: usize,
    lines: &[[usize; 2]],
    paths: &[Vec<usize>],
    first_rows: &[usize],
    space: f64,
) -> Layout {
    let rows = items.iter().map(|item| item.row + 1).max().unwrap_or(0);
    let height = |row: usize| items.iter().filter(|item| item.row == row).map(|item| item.height).fold(0.0, f64::max);
    let heights: Vec<f64> = (0..rows).map(height).collect();
    let mut tops = Vec::new();
    let mut top = GAP;
    for height in &heights {
        tops.push(top);
        top += height + space;
    }
    let left = items.iter().map(|item| item.x - item.width / 2.0).fold(f64::INFINITY, f64::min) - GAP;
    let right = items.iter().map(|item| item.x + item.width / 2.0).fold(f64::NEG_INFINITY, f64::max) + GAP;
    let corner = |item: &Item| Point { x: item.x - item.width / 2.0 - left, y: tops[item.row] };
    let run = |path: &Vec<usize>| {
        let mut points = Vec::new();
        for (index, &item) in path.iter().enumerate() {
            let Item { row, x, height, .. } = items[item];
            let x = x - left;
            match index {
                0 => points.push(Point { x: port(items, path, index) - left, y: tops[row] + height }),
                _ if index + 1 == path.len() && row == items[path[0]].row => {
                    points.push(Point { x, y: tops[row] + height });
                }
                _ if index + 1 == path.len() => points.push(Point { x: port(items, path, index) - left, y: tops[row] }),
                _ => points.extend([Point { x, y: tops[row] }, Point { x, y: tops[row] + heights[row] }]),
            }
        }
        points
    };
    Layout {
        boxes: items[..boxes].iter().map(corner).collect(),
        lines: paths.iter().map(run).collect(),
        upper: paths.iter().zip(lines).map(|(path, ends)| usize::from(path[0] != ends[0])).collect(),
        ranks: first_rows.iter().map(|&row| tops[row] + heights[row] / 2.0).collect(),
        size: Size { width: right - left, height: top - space + GAP },
    }
}

/// Where a line leaves or reaches a box: the lines of one side are spread over it in the order of where they come from.
fn port(items: &[Item], path: &[usize], index: usize) -> f64 {
    let item = &items[path[index]];
    let (neighbours, neighbour) = if index == 0 { (&item.below, path[1]) } else { (&item.above, path[index - 1]) };
    let mut sorted = neighbours.clone();
    sorted.sort_by(|&one, &other| items[one].x.total_cmp(&items[other].x));
    let Some(place) = sorted.iter().position(|&other| other == neighbour) else { return item.x };
    item.x + item.width * ((place as f64 + 1.0) / (sorted.len() as f64 + 1.0) - 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn neighbours_keep_their_distance_and_otherwise_get_what_they_wish() {
        assert_eq!(apart(&[0.0, 500.0], &[10.0, 10.0]), [0.0, 500.0]);
        assert_eq!(apart(&[5.0, 5.0], &[10.0, 30.0]), [5.0 - 24.0, 5.0 + 24.0]);
        assert_eq!(apart(&[], &[]), [0.0; 0]);
    }

    #[test]
    fn many_of_one_rank_take_several_rows() {
        let (rows, first) = rows(&[1, 0, 1, 1, 1, 1, 1, 1, 2]);
        assert_eq!(rows, [1, 0, 1, 1, 1, 2, 2, 2, 3]);
        assert_eq!(first, [0, 1, 3]);
    }

    proptest! {
        #[test]
        fn boxes_do_not_overlap_and_all_is_in_the_picture(
            nodes in proptest::collection::vec((50.0..300.0, 30.0..200.0, 0_usize..5), 1..30),
            ends in proptest::collection::vec((any::<proptest::sample::Index>(), any::<proptest::sample::Index>()), 0..40),
        ) {
            let sizes: Vec<Size> = nodes.iter().map(|&(width, height, _)| Size { width, height }).collect();
            let mut used: Vec<usize> = nodes.iter().map(|node| node.2).collect();
            used.sort_unstable();
            used.dedup();
            let ranks: Vec<usize> = nodes.iter().map(|node| used.binary_search(&node.2).expect("used")).collect();
            let ends: Vec<[usize; 2]> =
                ends.iter().map(|(one, other)| [one.index(nodes.len()), other.index(nodes.len())]).filter(|[one, other]| one != other).collect();
            let layout = lay_out(&sizes, &ranks, &ends, 80.0);
            for (one, (corner, size)) in layout.boxes.iter().zip(&sizes).enumerate() {
                prop_assert!(corner.x >= 0.0 && corner.x + size.width <= layout.size.width);
                prop_assert!(corner.y >= 0.0 && corner.y + size.height <= layout.size.height);
                for (other, (corner2, size2)) in layout.boxes.iter().zip(&sizes).enumerate().skip(one + 1) {
                    let apart = corner.x + size.width <= corner2.x || corner2.x + size2.width <= corner.x
                        || corner.y + size.height <= corner2.y || corner2.y + size2.height <= corner.y;
                    prop_assert!(apart, "{one} and {other}");
                    prop_assert!(ranks[one] >= ranks[other] || corner.y < corner2.y, "{one} is above {other}");
                }
            }
            for (points, [one, other]) in layout.lines.iter().zip(&ends) {
                prop_assert!(points.len() >= 2 && points.len() % 2 == 0, "{one} {other}");
                prop_assert!(points.iter().all(|point| point.x >= 0.0 && point.x <= layout.size.width));
            }
        }
    }
}
