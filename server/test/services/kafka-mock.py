# The mock cluster of librdkafka as a server: prints the addresses of its brokers, then takes one command per line and answers `ok` or a number.
import ctypes
import sys

rdkafka = ctypes.CDLL('librdkafka.so.1')
POINTER, TEXT, INT, SHORT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int16
SIGNATURES = {
    'rd_kafka_conf_new': (POINTER, []),
    'rd_kafka_conf_set': (INT, [POINTER, TEXT, TEXT, TEXT, ctypes.c_size_t]),
    'rd_kafka_new': (POINTER, [INT, POINTER, TEXT, ctypes.c_size_t]),
    'rd_kafka_mock_cluster_new': (POINTER, [POINTER, INT]),
    'rd_kafka_mock_cluster_bootstraps': (TEXT, [POINTER]),
    'rd_kafka_mock_topic_create': (INT, [POINTER, TEXT, INT, INT]),
    'rd_kafka_mock_partition_set_leader': (INT, [POINTER, TEXT, ctypes.c_int32, ctypes.c_int32]),
    'rd_kafka_mock_broker_set_down': (INT, [POINTER, ctypes.c_int32]),
    'rd_kafka_mock_broker_set_up': (INT, [POINTER, ctypes.c_int32]),
    'rd_kafka_mock_push_request_errors_array': (None, [POINTER, SHORT, ctypes.c_size_t, ctypes.POINTER(INT)]),
    'rd_kafka_mock_clear_request_errors': (None, [POINTER, SHORT]),
}
for name, (result, arguments) in SIGNATURES.items():
    function = getattr(rdkafka, name)
    function.restype, function.argtypes = result, arguments

problem = ctypes.create_string_buffer(512)
settings = rdkafka.rd_kafka_conf_new()
rdkafka.rd_kafka_conf_set(settings, b'log_level', b'3', problem, 512)
client = rdkafka.rd_kafka_new(0, settings, problem, 512)
cluster = rdkafka.rd_kafka_mock_cluster_new(client, int(sys.argv[1]))


def topic(name, partitions, replicas):
    return rdkafka.rd_kafka_mock_topic_create(cluster, name.encode(), int(partitions), int(replicas))


def leader(name, partition, broker):
    return rdkafka.rd_kafka_mock_partition_set_leader(cluster, name.encode(), int(partition), int(broker))


def down(broker):
    return rdkafka.rd_kafka_mock_broker_set_down(cluster, int(broker))


def up(broker):
    return rdkafka.rd_kafka_mock_broker_set_up(cluster, int(broker))


def err(api, code, count):
    codes = (INT * int(count))(*([int(code)] * int(count)))
    rdkafka.rd_kafka_mock_push_request_errors_array(cluster, int(api), int(count), codes)
    return 0


def clear(api):
    rdkafka.rd_kafka_mock_clear_request_errors(cluster, int(api))
    return 0


commands = {function.__name__: function for function in (topic, leader, down, up, err, clear)}
print(rdkafka.rd_kafka_mock_cluster_bootstraps(cluster).decode(), flush=True)
for line in sys.stdin:
    name, *rest = line.split()
    answer = commands[name](*rest)
    print('ok' if answer == 0 else answer, flush=True)
