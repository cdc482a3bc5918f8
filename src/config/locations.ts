// Where a command finds its daemon. In a file of its own, so that most commands start without the table of settings.

/** The variable that names another file; it is not itself a key. */
export const CONFIG_FILE_VARIABLE = 'CORDUROY_CONFIG';
export const DEFAULT_CONFIG_FILE = '/etc/corduroy/corduroy.yaml';
export const DEFAULT_ADMIN_SOCKET = '/run/corduroy/corduroy.sock';
