//! What Python sees; `app/native/_native.pyi` says what each call does.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::PyBytes;

use crate::batches::{self, Row};
use crate::chunk::{self, Inputs, Part};
use crate::envelope::{self, Field, Kind};
use crate::outputs::{self, Emission, Shape};
use crate::records::{self, Header, Record};

/// A row: key and value.
type ToldRow<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);
/// A record: its offset, time, key and value, and headers.
type Told<'a> = (i64, i64, Option<&'a [u8]>, Option<&'a [u8]>, Vec<(Cow<'a, str>, Option<&'a [u8]>)>);
type Headers = Vec<(PyBackedStr, Option<PyBackedBytes>)>;
/// A record for the log: its partition, key, value and headers.
type Routed = (u32, Option<PyBackedBytes>, Option<PyBackedBytes>, Headers);

/// From so many bytes on, work is done without holding up Python's other threads. Below, waiting to be let in again
/// may take longer than the work.
const MUCH: usize = 256 * 1024;

/// Do work that touches nothing of Python.
fn apart<T: Send>(py: Python<'_>, bytes: usize, work: impl FnOnce() -> T + Send) -> T {
    if bytes < MUCH {
        work()
    } else {
        py.detach(work)
    }
}

/// Records of a fetch: an index into its bytes.
#[pyclass(frozen)]
struct Records {
    raw: Py<PyBytes>,
    index: Arc<Vec<Record>>,
    begin: usize,
    end: usize,
}

impl Records {
    fn records(&self) -> &[Record] {
        &self.index[self.begin..self.end]
    }
}

#[pymethods]
impl Records {
    #[staticmethod]
    fn index(py: Python<'_>, raw: Py<PyBytes>) -> Option<Self> {
        let bytes = raw.as_bytes(py);
        let index = apart(py, bytes.len(), || records::index(bytes))?;
        let end = index.len();
        Some(Records { raw, index: Arc::new(index), begin: 0, end })
    }

    fn kept(&self, py: Python<'_>, batches: Vec<(u32, i64)>) -> Self {
        let mut wanted = batches.into_iter().peekable();
        let keep = |record: &&Record| {
            while wanted.next_if(|(batch, _)| *batch < record.batch).is_some() {}
            wanted.peek().is_some_and(|(batch, position)| *batch == record.batch && record.offset >= *position)
        };
        let index: Vec<Record> = self.records().iter().filter(keep).copied().collect();
        let end = index.len();
        Records { raw: self.raw.clone_ref(py), index: Arc::new(index), begin: 0, end }
    }

    fn part(&self, py: Python<'_>, begin: usize, end: usize) -> Self {
        let end = self.begin.saturating_add(end).min(self.end);
        let begin = self.begin.saturating_add(begin).min(end);
        Records { raw: self.raw.clone_ref(py), index: Arc::clone(&self.index), begin, end }
    }

    fn __len__(&self) -> usize {
        self.end - self.begin
    }

    #[getter]
    fn size(&self) -> usize {
        self.records().iter().map(Record::size).sum()
    }

    fn rows<'a>(&'a self, py: Python<'a>) -> Vec<ToldRow<'a>> {
        let raw = self.raw.as_bytes(py);
        self.records().iter().map(|record| (record.key(raw), record.value(raw))).collect()
    }

    fn fitting(&self, mut room: usize) -> usize {
        let fills = |record: &Record| {
            let full = record.size() >= room;
            room = room.saturating_sub(record.size());
            full
        };
        self.records().iter().position(fills).map_or(self.end - self.begin, |number| number + 1)
    }

    fn before(&self, offset: i64) -> usize {
        self.records().partition_point(|record| record.offset < offset)
    }

    /// Offset, time, key, value and headers.
    fn record<'a>(&'a self, py: Python<'a>, number: usize) -> PyResult<Told<'a>> {
        let raw = self.raw.as_bytes(py);
        let record = self.records().get(number).ok_or_else(|| PyIndexError::new_err("no such record"))?;
        let headers = record.headers(raw).map(|(name, value)| (String::from_utf8_lossy(name), value)).collect();
        Ok((record.offset, record.time, record.key(raw), record.value(raw), headers))
    }
}

/// Record batches of one topic under construction.
#[pyclass]
struct Batches(batches::Batches);

fn headers_of(told: &Headers) -> Vec<Header<'_>> {
    told.iter().map(|(name, value)| (name.as_bytes(), value.as_deref())).collect()
}

#[pymethods]
impl Batches {
    #[new]
    fn new(partitions: u32, limit: usize) -> Self {
        Batches(batches::Batches::new(partitions, limit))
    }

    #[pyo3(signature = (partition, key, value, headers, time))]
    #[allow(clippy::needless_pass_by_value)] // pyo3 hands over what it made
    fn add(&mut self, partition: Option<u32>, key: Option<&[u8]>, value: Option<&[u8]>, headers: Headers, time: i64) {
        self.0.add(partition, &Row { key, value, headers: &headers_of(&headers), time });
    }

    fn add_rows(&mut self, partition: u32, rows: Vec<(PyBackedBytes, Option<PyBackedBytes>)>, time: i64) {
        for (key, value) in rows {
            self.0.add(Some(partition), &Row { key: Some(&key), value: value.as_deref(), headers: &[], time });
        }
    }

    /// Partition and number of records of each batch, and the batch.
    fn finish(&mut self) -> Vec<(usize, u32, Finished)> {
        let finished = self.0.finish().into_iter();
        finished.map(|(partition, bytes, count)| (partition, count, Finished(bytes))).collect()
    }
}

/// A finished batch.
#[pyclass]
struct Finished(Vec<u8>);

#[pymethods]
impl Finished {
    #[new]
    fn new(bytes: Vec<u8>) -> Self {
        Finished(bytes)
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    fn seal(&mut self, producer: i64, epoch: i16, sequence: i32, attributes: i16) -> &[u8] {
        batches::seal(&mut self.0, producer, epoch, sequence, attributes);
        &self.0
    }
}

/// Where inputs come from, and what of them is plain.
#[pyclass(frozen)]
struct Router {
    code: u8,
    longest_id: usize,
    largest: usize,
}

#[pymethods]
impl Router {
    #[new]
    fn new(code: u8, longest_id: usize, largest: usize) -> Self {
        Router { code, longest_id, largest }
    }

    #[pyo3(signature = (records, partition, generation, batches, time, other))]
    #[allow(clippy::too_many_arguments)] // two of them are not Python's
    fn route(
        &self,
        py: Python<'_>,
        records: &Records,
        partition: u32,
        generation: Option<&[u8]>,
        batches: &mut Batches,
        time: i64,
        other: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (raw, records) = (records.raw.as_bytes(py), records.records());
        let plain = |record: &Record| {
            let value = record.value(raw)?;
            let size = value.len() + record.key(raw).map_or(0, <[u8]>::len);
            (size <= self.largest).then(|| envelope::batch_id(value, self.longest_id))?
        };
        let ids: Vec<Option<&[u8]>> = apart(py, raw.len(), || records.iter().map(plain).collect());
        let not_plain = ids.iter().enumerate().filter(|(_, id)| id.is_none());
        let others: Vec<Routed> =
            not_plain.map(|(number, _)| other.call1((number,))?.extract()).collect::<PyResult<_>>()?;
        apart(py, raw.len(), || {
            let mut others = others.iter();
            let mut source = [0; 13];
            source[0] = self.code;
            source[1..5].copy_from_slice(&partition.to_be_bytes());
            for (record, id) in records.iter().zip(ids) {
                source[5..].copy_from_slice(&record.offset.to_be_bytes());
                if let Some(id) = id {
                    let told: [(&[u8], _); 3] =
                        [(b"s", Some(&source[..])), (b"g", generation), (b"k", record.key(raw))];
                    let headers: Vec<Header<'_>> = told.into_iter().filter(|(_, value)| value.is_some()).collect();
                    let row = Row { key: Some(id), value: record.value(raw), headers: &headers, time };
                    batches.0.add(None, &row);
                } else if let Some((target, key, value, headers)) = others.next() {
                    let (key, value, headers) = (key.as_deref(), value.as_deref(), headers_of(headers));
                    batches.0.add(Some(*target), &Row { key, value, headers: &headers, time });
                }
            }
        });
        Ok(())
    }
}

/// Reads the contents of a chunk of the log.
#[pyclass(frozen)]
struct Reader(Inputs);

#[pymethods]
impl Reader {
    #[new]
    fn new(fields: &Bound<'_, PyAny>, code: u8, topics: u8, tag: u8) -> PyResult<Self> {
        Ok(Reader(Inputs { fields: fields_of(fields)?, code, topics, tag }))
    }

    #[allow(clippy::needless_pass_by_value)] // pyo3 hands over what it made
    fn read(&self, py: Python<'_>, records: Vec<Bound<'_, Records>>, largest: usize) -> io::Result<Vec<u8>> {
        let parts: Vec<Part<'_>> =
            records.iter().map(|part| (part.get().raw.as_bytes(py), part.get().records())).collect();
        let bytes = parts.iter().map(|(raw, _)| raw.len()).sum();
        apart(py, bytes, || chunk::read(&self.0, &parts, largest))
    }
}

/// A field as `app.wire.native_reading` describes it: name, kind, its arguments, nullable, required, slot.
type Described<'py> = (String, String, Bound<'py, PyAny>, bool, bool, Option<usize>);

fn fields_of(described: &Bound<'_, PyAny>) -> PyResult<Vec<Field>> {
    described.try_iter()?.map(|field| field_of(field?.extract()?)).collect()
}

fn field_of((name, kind, argument, nullable, required, slot): Described<'_>) -> PyResult<Field> {
    let kind = match kind.as_str() {
        "uuid" => Kind::Uuid,
        "text" => argument.extract().map(|(least, most)| Kind::Text(least, most))?,
        "constant" => Kind::Constant(argument.extract::<String>()?.into_bytes()),
        "moment" => Kind::Moment,
        "integer" => Kind::Integer,
        "exactly" => Kind::Exactly(argument.extract()?),
        "texts" => Kind::Texts(argument.extract()?),
        "object" => Kind::Object(fields_of(&argument)?),
        _ => return Err(PyValueError::new_err(kind)),
    };
    Ok(Field { name: name.into_bytes(), kind, nullable, required, slot })
}

/// Writes outputs of one shape.
#[pyclass(frozen)]
struct Writer(outputs::Writer);

/// The pieces before the slots, the slots, and the piece behind all.
type Pieces = (Vec<(Vec<u8>, usize)>, Vec<u8>);

#[pymethods]
impl Writer {
    #[new]
    fn new(topic: Vec<u8>, headers: [Vec<u8>; 3], plain: Pieces, traced: Pieces) -> Self {
        let [plain, traced] = [plain, traced].map(|(slots, end)| Shape { slots, end });
        Writer(outputs::Writer { topic, headers, plain, traced })
    }

    #[allow(clippy::needless_pass_by_value)] // pyo3 hands over what it made
    fn write(
        &self,
        py: Python<'_>,
        outputs: Vec<PyBackedBytes>,
        at: &[u8],
        service: &[u8],
        batches: &mut Batches,
        time: i64,
    ) -> PyResult<()> {
        let emission = Emission { at, service, time };
        let bytes = outputs.iter().map(|piece| piece.len()).sum();
        let write = |piece: &PyBackedBytes| self.0.write(piece, &emission, &mut batches.0);
        let written = apart(py, bytes, || outputs.iter().try_for_each(write));
        written.ok_or_else(|| PyValueError::new_err("no list of outputs in short"))
    }
}

#[pymodule]
mod _native {
    #[pymodule_export]
    use super::{Batches, Finished, Reader, Records, Router, Writer};

    /// As in `app/native/__init__.py`.
    #[pymodule_export]
    const INTERFACE: u32 = 6;
}
